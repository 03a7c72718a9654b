// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that is nothing but appetite: a PVH kernel without a balloon that
 * touches all of its memory as fast as it can, on two vcpus, and powers off.
 *
 *   zero    writes data, and zeros over it LAG superpages later: Xen itself
 *           looks for zeros in the 32 superpages populated last, no further
 *   data    writes each page's number, and reads it back at the end
 *   sparse  writes one page of each 2 MiB only: the fastest way to use up a
 *           populate-on-demand cache
 *
 * What it has to say goes to Xen's console, a line "toucher: ...".
 */
/* Or the headers are those of Xen 3.0. */
#define __XEN_INTERFACE_VERSION__ 0x00040d00

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

/* Xen's debug console for HVM and PVH guests (public/hvm/e820.h's peers call
 * it XEN_HVM_DEBUGCONS_IOPORT). */
#define CONSOLE_PORT 0xe9

#define PAGE 0x1000u
#define SUPER 0x200000u

/* Below are this program and what Xen told it. */
#define FIRST (4 * SUPER)

/* The top of what 32 bits can address is not RAM but devices. */
#define LAST 0xe0000000u

/* Of each vcpu; the two of them have more in use than Xen looks at. */
#define LAG 20u

extern char hypercall_page[], stack_second_end[];
void start_second(void);

enum mode { ZERO, DATA, SPARSE };

static enum mode mode;
static uint32_t end_of_ram;
static volatile uint32_t touched[2];
static volatile bool begun, finished[2];

/* --- Xen ----------------------------------------------------------------- */

static void put(const char *text)
{
    for (; *text; text++)
        __asm__ volatile("outb %0, %1" ::"a"(*text),
                         "Nd"((uint16_t)CONSOLE_PORT));
}

static void put_number(uint32_t n)
{
    char text[11], *p = text + 10;

    *p = '\0';
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    put(p);
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(0));
}

/* Xen fills the page whose address is written to the register it names. */
static void open_hypercalls(void)
{
    uint32_t base = 0x40000000u, r[4];

    for (cpuid(base, r); r[1] != 0x566e6558u && base < 0x40010000u;
         base += 0x100)
        cpuid(base + 0x100, r);
    cpuid(base + 2, r);
    __asm__ volatile("wrmsr" ::"c"(r[1]),
                     "a"((uint32_t)hypercall_page), "d"(0));
}

static long hypercall(uint32_t number, uint32_t a, uint32_t b, const void *c)
{
    long r;

    __asm__ volatile("call *%1"
                     : "=a"(r)
                     : "r"(hypercall_page + number * 32), "b"(a), "c"(b),
                       "d"(c)
                     : "memory");
    return r;
}

static void power_off(void)
{
    struct sched_shutdown down = { .reason = SHUTDOWN_poweroff };

    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uint32_t)&down, 0);
}

static bool start_vcpu(void)
{
    static struct vcpu_hvm_context context;
    struct vcpu_hvm_x86_32 *c = &context.cpu_regs.x86_32;

    context.mode = VCPU_HVM_MODE_32B;
    c->esp = (uint32_t)stack_second_end;
    c->eip = (uint32_t)start_second;
    c->cr0 = 1;                         /* protected mode */
    c->cs_limit = c->ds_limit = c->ss_limit = c->es_limit = 0xffffffffu;
    c->tr_limit = 0x67;
    c->cs_ar = 0xc9b;                   /* flat: code, data, task state */
    c->ds_ar = c->ss_ar = c->es_ar = 0xc93;
    c->tr_ar = 0x8b;
    return !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, &context) &&
           !hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0);
}

/* --- appetite ------------------------------------------------------------ */

static uint32_t data_of(uint32_t address)
{
    return address ^ 0x5a5a0001u;
}

static uint32_t touch_super(uint32_t super, bool zero)
{
    uint32_t step = mode == SPARSE ? SUPER : PAGE, at;

    for (at = super; at < super + SUPER; at += step)
        *(volatile uint32_t *)at = zero ? 0 : data_of(at);
    return SUPER / step;
}

/* Every other superpage is this vcpu's, of `of` that there are. */
static void touch(unsigned int vcpu, unsigned int of)
{
    uint32_t step = of * SUPER, super = FIRST + vcpu * SUPER, behind = super;

    for (; super + SUPER <= end_of_ram; super += step) {
        touched[vcpu] += touch_super(super, false);
        for (; mode == ZERO && super - behind >= LAG * step; behind += step)
            touch_super(behind, true);
    }
    for (; mode == ZERO && behind < super; behind += step)
        touch_super(behind, true);
    finished[vcpu] = true;
}

static uint32_t count_wrong(void)
{
    uint32_t step = mode == SPARSE ? SUPER : PAGE, at, wrong = 0;

    for (at = FIRST; at + SUPER <= end_of_ram || at % SUPER; at += step)
        wrong += *(volatile uint32_t *)at != (mode == ZERO ? 0 : data_of(at));
    return wrong;
}

/* --- the two vcpus ------------------------------------------------------- */

static void read_memory_map(const struct hvm_start_info *info)
{
    const struct hvm_memmap_table_entry *e =
        (const void *)(uint32_t)info->memmap_paddr;
    uint32_t i;

    for (i = 0; i < info->memmap_entries; i++)
        if (e[i].type == XEN_HVM_MEMMAP_TYPE_RAM && e[i].addr < LAST &&
            e[i].addr + e[i].size <= LAST &&
            e[i].addr + e[i].size > end_of_ram)
            end_of_ram = (uint32_t)(e[i].addr + e[i].size);
}

static bool has_word(const char *line, const char *word)
{
    uint32_t i;

    for (; *line; line++) {
        for (i = 0; word[i] && line[i] == word[i]; i++)
            ;
        if (!word[i])
            return true;
    }
    return false;
}

void second(void);
void second(void)
{
    while (!begun)
        __asm__ volatile("pause");
    touch(1, 2);
}

void first(const struct hvm_start_info *info);
void first(const struct hvm_start_info *info)
{
    const char *line = (const char *)(uint32_t)info->cmdline_paddr;
    unsigned int vcpus;

    mode = has_word(line, "zero") ? ZERO
           : has_word(line, "sparse") ? SPARSE : DATA;
    read_memory_map(info);
    open_hypercalls();
    vcpus = start_vcpu() ? 2 : 1;
    put("toucher: begins, vcpus ");
    put_number(vcpus);
    put(", MiB ");
    put_number(end_of_ram >> 20);
    put("\n");
    begun = true;
    touch(0, vcpus);
    while (vcpus == 2 && !finished[1])
        __asm__ volatile("pause");
    put("toucher: touched ");
    put_number(touched[0] + touched[1]);
    put(" pages, wrong ");
    put_number(count_wrong());
    put("\n");
    power_off();
}
