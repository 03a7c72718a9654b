// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saves the memory of a held guest as a flat, sparse file, with the
 * description beside it that dom0/crashd/image.h has: what crashd's reading
 * half is tried on without Xen.
 *
 *   xk-save-dom0 DOMID FILE
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xen/hvm/save.h>

#define PAGE 4096u
#define BATCH 1024u

static xc_interface *xch;
static xenforeignmemory_handle *fmem;
static uint32_t dom;
static FILE *about;
static int out;

/* The run of pages that exist, of which the next may be part. */
static xen_pfn_t run_first, run_end;

static void end_run(void)
{
    if (run_first < run_end)
        fprintf(about, "ram %" PRIx64 " %" PRIx64 "\n", (uint64_t)run_first,
                (uint64_t)run_end);
}

static void in_run(xen_pfn_t gfn)
{
    if (run_end != gfn) {
        end_run();
        run_first = gfn;
    }
    run_end = gfn + 1;
}

static bool all_zero(const char *p)
{
    return !*p && !memcmp(p, p + 1, PAGE - 1);
}

static void save(xen_pfn_t first, unsigned int count)
{
    xen_pfn_t gfns[BATCH] = { 0 };
    int err[BATCH];
    unsigned int i;
    static char page[PAGE];
    char *map;

    for (i = 0; i < count; i++)
        gfns[i] = first + i;
    map = xenforeignmemory_map(fmem, dom, PROT_READ, count, gfns, err);
    if (!map)
        return;
    for (i = 0; i < count; i++) {
        if (err[i])
            continue;
        in_run(gfns[i]);
        /* A foreign page cannot be written from: 9p pins its buffers. */
        memcpy(page, map + i * PAGE, PAGE);
        if (!all_zero(page) &&
            pwrite(out, page, PAGE, (off_t)gfns[i] * PAGE) != PAGE) {
            perror("xk-save-dom0: write");
            exit(1);
        }
    }
    xenforeignmemory_unmap(fmem, map, count);
}

static void save_vcpu(unsigned int id)
{
    HVM_SAVE_TYPE(CPU) c;

    if (xc_domain_hvm_getcontext_partial(xch, dom, HVM_SAVE_CODE(CPU),
                                         (uint16_t)id, &c, sizeof(c)))
        return;
    fprintf(about, "vcpu");
#define REG(name, field) \
    fprintf(about, " " name "=%" PRIx64, (uint64_t)c.field)
    REG("rax", rax); REG("rbx", rbx); REG("rcx", rcx); REG("rdx", rdx);
    REG("rsi", rsi); REG("rdi", rdi); REG("rbp", rbp); REG("rsp", rsp);
    REG("r8", r8); REG("r9", r9); REG("r10", r10); REG("r11", r11);
    REG("r12", r12); REG("r13", r13); REG("r14", r14); REG("r15", r15);
    REG("rip", rip); REG("rflags", rflags); REG("cr0", cr0);
    REG("cr3", cr3); REG("cr4", cr4); REG("efer", msr_efer);
    REG("fs_base", fs_base); REG("gs_base", gs_base);
    REG("gs_shadow", shadow_gs); REG("idt_base", idtr_base);
    REG("gdt_base", gdtr_base); REG("cs", cs_sel); REG("ss", ss_sel);
    REG("ds", ds_sel); REG("es", es_sel); REG("fs", fs_sel);
    REG("gs", gs_sel);
#undef REG
    fprintf(about, "\n");
}

int main(int argc, char **argv)
{
    xen_pfn_t max = 0, gfn;
    char name[256];
    unsigned int i;
    xc_dominfo_t di;

    if (argc != 3)
        return 2;
    xch = xc_interface_open(NULL, NULL, 0);
    fmem = xenforeignmemory_open(NULL, 0);
    dom = (uint32_t)atoi(argv[1]);
    snprintf(name, sizeof(name), "%s.about", argv[2]);
    about = fopen(name, "w");
    out = about ? fileno(fopen(argv[2], "w")) : -1;
    if (!xch || !fmem || out < 0 ||
        xc_domain_getinfo(xch, dom, 1, &di) != 1 || di.domid != dom ||
        xc_domain_maximum_gpfn(xch, dom, &max) < 0) {
        perror("xk-save-dom0");
        return 1;
    }
    fprintf(about, "type pvh\n");
    for (gfn = 0; gfn <= max; gfn += BATCH)
        save(gfn, max - gfn < BATCH ? (unsigned int)(max - gfn) + 1 : BATCH);
    end_run();
    for (i = 0; i <= di.max_vcpu_id; i++)
        save_vcpu(i);
    if (fclose(about) || ftruncate(out, (off_t)(max + 1) * PAGE) ||
        close(out)) {
        perror("xk-save-dom0");
        return 1;
    }
    return 0;
}
