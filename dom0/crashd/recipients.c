/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Certificates of recipients, see recipients.h.
 */
#include "recipients.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "seal.h"

const char *const xk_audience_names[XK_RECIPIENT_AUDIENCES] = {
    "owner", "engineer", "triage",
};

/* What is needed to find anything in a dump, and says nothing of pages. */
#define FRAME (XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_ZERO))
#define TRIAGE (FRAME | XK_CLASS_BIT(XK_CLASS_TEXT) | \
                XK_CLASS_BIT(XK_CLASS_TABLE))
#define ENGINEER (TRIAGE | XK_CLASS_BIT(XK_CLASS_KERNEL))
#define OWNER ((1u << XK_CLASSES) - 1)

uint32_t xk_audience_classes(unsigned int audience)
{
    static const uint32_t classes[XK_RECIPIENT_AUDIENCES] = {
        OWNER, ENGINEER, TRIAGE,
    };

    return classes[audience];
}

/* One file; false: it is no certificate's. */
static bool name_of(const char *file, char *name, size_t size)
{
    size_t len = strlen(file);

    if (file[0] == '.' || len < 5 || len - 4 >= size ||
        strcmp(file + len - 4, ".pem"))
        return false;
    memcpy(name, file, len - 4);
    name[len - 4] = '\0';
    return true;
}

static void read_one(struct xk_recipient *one, const char *path, time_t now)
{
    xk_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct xk_cert *cert = NULL;
    const char *fault;
    uint8_t *der;
    size_t len;
    int rc;

    rc = fd < 0 ? -errno : xk_cert_read(&cert, fd);
    if (rc) {
        snprintf(one->fault, sizeof(one->fault), "%s", rc == -EINVAL
                 ? "there is no certificate in it" : strerror(-rc));
        return;
    }
    xk_cert_subject(cert, one->subject, sizeof(one->subject));
    one->not_after = xk_cert_not_after(cert);
    (void)xk_cert_fingerprint(cert, one->fingerprint);
    fault = xk_cert_fault(cert, now);
    if (!fault) {
        rc = xk_envelope_seal(&cert, 1, "trial", 5, &der, &len);
        if (rc)
            fault = "nothing can be sealed for it";
        else
            free(der);
    }
    if (fault) {
        snprintf(one->fault, sizeof(one->fault), "%s", fault);
        xk_cert_free(cert);
    } else {
        one->cert = cert;
    }
}

static void read_folder(struct xk_recipients *r, unsigned int audience,
                        const char *dir, time_t now)
{
    struct xk_recipient *one;
    char path[512], file[768], name[64];
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "%s/%s", dir, xk_audience_names[audience]);
    folder = opendir(path);
    while (folder && r->count[audience] < XK_RECIPIENTS_EACH &&
           (entry = readdir(folder))) {
        if (!name_of(entry->d_name, name, sizeof(name)))
            continue;
        one = &r->list[audience][r->count[audience]++];
        xk_log_safe(one->name, sizeof(one->name), name);
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        read_one(one, file, now);
        if (one->fault[0])
            xk_warn("%s certificate %s is not used: %s",
                    xk_audience_names[audience], one->name, one->fault);
    }
    if (folder)
        closedir(folder);
}

void xk_recipients_read(struct xk_recipients *r, const char *dir, time_t now)
{
    unsigned int a;

    memset(r, 0, sizeof(*r));
    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++)
        read_folder(r, a, dir, now);
}

void xk_recipients_dispose(struct xk_recipients *r)
{
    unsigned int a;
    size_t i;

    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++)
        for (i = 0; i < r->count[a]; i++)
            xk_cert_free(r->list[a][i].cert);
    memset(r, 0, sizeof(*r));
}

void xk_recipients_plan(const struct xk_recipients *r, uint32_t wanted,
                        struct xk_recipient_room *room,
                        struct xk_seal_plan *plan)
{
    struct xk_audience *aud;
    uint32_t seen = 0;
    unsigned int a;
    size_t i;

    wanted |= FRAME;
    plan->audience_count = XK_RECIPIENT_AUDIENCES;
    for (a = 0; a < XK_RECIPIENT_AUDIENCES; a++) {
        aud = &plan->audiences[a];
        *aud = (struct xk_audience){
            .classes = xk_audience_classes(a), .certs = room->certs[a],
        };
        for (i = 0; i < r->count[a]; i++)
            if (r->list[a][i].cert)
                room->certs[a][aud->count++] = r->list[a][i].cert;
        if (aud->count)
            seen |= aud->classes;
    }
    plan->plain = seen ? 0 : TRIAGE & wanted;
    plan->classes = wanted & (seen | plan->plain);
}
