/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry of a PVH guest: 32 bits, flat segments, no paging, %ebx the address of
 * the start info (xen/arch-x86/hvm/start_info.h).
 */
#include <xen/elfnote.h>

    .section .note.xen, "a", @note
    .align 4
    .long 2f - 1f
    .long 4f - 3f
    .long XEN_ELFNOTE_PHYS32_ENTRY
1:  .asciz "Xen"
2:  .align 4
3:  .long start
4:  .align 4

    .text
    .globl start, start_second
start:
    movl $stack_first_end, %esp
    pushl %ebx
    call first
    jmp stop

/* The other vcpu begins here; its context gives it a stack. */
start_second:
    call second
stop:
    hlt
    jmp stop

    .bss
    .align 16
    .space 8192
stack_first_end:
    .globl stack_second_end
    .space 8192
stack_second_end:
    .align 4096
    .globl hypercall_page
hypercall_page:
    .space 4096
