// SPDX-License-Identifier: GPL-2.0
/*
 * The shared page. It and its grant reference are the module's for as long as
 * it is loaded; restored in another domain, the same reference is granted
 * again, on another port. dom0's words are only compared to our own.
 */
#include "xk_crash.h"

#include <linux/crash_core.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/page.h>

#include <asm/barrier.h>
#include <asm/xen/hypercall.h>

/* crashd's domain. */
#define XK_DOM0	0

static struct xk_crash_page *shared;
static grant_ref_t gref;
static evtchn_port_t port;	/* 0: none */

static int port_open(void)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = XK_DOM0,
	};
	int err;

	err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
	if (!err)
		WRITE_ONCE(port, alloc.port);
	return err;
}

static void port_close(void)
{
	struct evtchn_close close = { .port = port };

	if (port && HYPERVISOR_event_channel_op(EVTCHNOP_close, &close))
		pr_warn("port %u cannot be closed\n", port);
	WRITE_ONCE(port, 0);
}

static int write_nodes(struct xenbus_transaction xbt)
{
	int err;

	err = xenbus_printf(xbt, XK_CRASH_GUEST_DIR,
			    XK_KEY_CRASH_GUEST_PAGE_REF, "%u", gref);
	if (!err)
		err = xenbus_printf(xbt, XK_CRASH_GUEST_DIR,
				    XK_KEY_CRASH_GUEST_EVENT_CHANNEL, "%u",
				    port);
	if (!err)
		err = xenbus_printf(xbt, XK_CRASH_GUEST_DIR,
				    XK_KEY_CRASH_GUEST_VMCOREINFO, "%llu",
				    (unsigned long long)paddr_vmcoreinfo_note());
	if (!err)
		err = xenbus_printf(xbt, XK_CRASH_GUEST_DIR,
				    XK_KEY_CRASH_GUEST_VERSION, "%u",
				    XK_CRASH_VERSION);
	return err;
}

static int publish(void)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = write_nodes(xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);

	return err;
}

/*
 * What is published already stays. If it is gone from xenstore this is
 * another domain: neither the grant nor the port, which may be somebody
 * else's by now, came along.
 */
void xk_link_publish(void)
{
	int err;

	if (!xenbus_exists(XBT_NIL, XK_CRASH_DIR, XK_KEY_CRASH_VERSION) ||
	    xenbus_exists(XBT_NIL, XK_CRASH_GUEST_DIR,
			  XK_KEY_CRASH_GUEST_VERSION))
		return;

	memset(shared, 0, sizeof(*shared));
	gnttab_grant_foreign_access_ref(gref, XK_DOM0, virt_to_gfn(shared), 0);
	err = port_open();
	if (!err)
		err = publish();
	if (err)
		pr_warn_ratelimited("dom0 is not told of this module: error %d\n",
				    err);
}

bool xk_link_served(void)
{
	return READ_ONCE(port) && READ_ONCE(shared->serving);
}

/* Any context, also with the other processors stopped. */
u32 xk_link_ask(u32 kind)
{
	u32 asked = shared->asked + 1;

	WRITE_ONCE(shared->kind, kind);
	virt_store_release(&shared->asked, asked);
	notify_remote_via_evtchn(READ_ONCE(port));
	return asked;
}

bool xk_link_answered(u32 asked)
{
	return virt_load_acquire(&shared->taken) == asked;
}

int xk_link_init(void)
{
	int ref;

	shared = (void *)get_zeroed_page(GFP_KERNEL);
	if (!shared)
		return -ENOMEM;
	ref = gnttab_grant_foreign_access(XK_DOM0, virt_to_gfn(shared), 0);
	if (ref < 0) {
		free_page((unsigned long)shared);
		return ref;
	}
	gref = ref;
	return 0;
}

/* The version first: dom0 lets go of the rest when it sees that missing. */
void xk_link_exit(void)
{
	static const char * const keys[] = {
		XK_KEY_CRASH_GUEST_VERSION,
		XK_KEY_CRASH_GUEST_PAGE_REF,
		XK_KEY_CRASH_GUEST_EVENT_CHANNEL,
		XK_KEY_CRASH_GUEST_VMCOREINFO,
	};
	unsigned int i;

	for (i = 0; port && i < ARRAY_SIZE(keys); i++)
		xenbus_rm(XBT_NIL, XK_CRASH_GUEST_DIR, keys[i]);
	port_close();
	/* Freed when dom0 has unmapped it, which may be later. */
	gnttab_end_foreign_access(gref, virt_to_page(shared));
}
