// The vectors. An exception saves everything it interrupts into a `Frame` (exceptions/mod.rs knows the order) on the
// exception stack and calls `handle_exception`.
//
// Code runs on SP_EL0 and exceptions are taken on SP_EL1, so a core whose stack is used up can still report that. If
// the exception stack itself is used up, bit 15 of the stack pointer is clear (layout.rs); that core moves to its
// emergency stack.

.macro vector kind
.balign 0x80
    sub     sp, sp, #{frame_size}
    add     sp, sp, x0              // x0 is kept in the sum while the stack pointer is looked at
    sub     x0, sp, x0
    tbz     x0, #15, 1f
    sub     x0, sp, x0
    sub     sp, sp, x0
    stp     x0, x1, [sp]
    mov     x1, #\kind
    b       save_and_handle
1:  msr     tpidr_el0, x0           // no way back from here: EL0's register is free
    sub     x0, sp, x0
    msr     tpidrro_el0, x0
    mov     x0, #\kind
    b       use_emergency_stack
.endm

.section .text.vectors, "ax"
.balign 0x800
.global exception_vectors
exception_vectors:
    .irp kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector \kind
    .endr

use_emergency_stack:
    mrs     x0, tpidr_el1           // the core's index
    mov     x1, #{stack_slot}
    mul     x0, x0, x1
    ldr     x1, ={emergency_end}    // of core 0
    add     x0, x0, x1
    sub     x0, x0, #{frame_size}
    mov     sp, x0
    mrs     x0, tpidrro_el0
    stp     x0, xzr, [sp]
    mov     x1, #16                 // a kind of its own

save_and_handle:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    stp     x30, x2, [sp, #240]
    mrs     x2, spsr_el1
    mrs     x3, sp_el0
    stp     x2, x3, [sp, #256]
    mrs     x2, esr_el1
    mrs     x3, far_el1
    stp     x2, x3, [sp, #272]
    mrs     x2, fpsr
    mrs     x3, fpcr
    stp     x2, x3, [sp, #288]
    stp     q0, q1, [sp, #304]
    stp     q2, q3, [sp, #336]
    stp     q4, q5, [sp, #368]
    stp     q6, q7, [sp, #400]
    stp     q8, q9, [sp, #432]
    stp     q10, q11, [sp, #464]
    stp     q12, q13, [sp, #496]
    stp     q14, q15, [sp, #528]
    stp     q16, q17, [sp, #560]
    stp     q18, q19, [sp, #592]
    stp     q20, q21, [sp, #624]
    stp     q22, q23, [sp, #656]
    stp     q24, q25, [sp, #688]
    stp     q26, q27, [sp, #720]
    stp     q28, q29, [sp, #752]
    stp     q30, q31, [sp, #784]
    mov     x0, sp
    bl      {handle}
    ldp     x2, x3, [sp, #288]
    msr     fpsr, x2
    msr     fpcr, x3
    ldp     q0, q1, [sp, #304]
    ldp     q2, q3, [sp, #336]
    ldp     q4, q5, [sp, #368]
    ldp     q6, q7, [sp, #400]
    ldp     q8, q9, [sp, #432]
    ldp     q10, q11, [sp, #464]
    ldp     q12, q13, [sp, #496]
    ldp     q14, q15, [sp, #528]
    ldp     q16, q17, [sp, #560]
    ldp     q18, q19, [sp, #592]
    ldp     q20, q21, [sp, #624]
    ldp     q22, q23, [sp, #656]
    ldp     q24, q25, [sp, #688]
    ldp     q26, q27, [sp, #720]
    ldp     q28, q29, [sp, #752]
    ldp     q30, q31, [sp, #784]
    ldp     x2, x3, [sp, #256]
    msr     spsr_el1, x2
    msr     sp_el0, x3
    ldp     x30, x2, [sp, #240]
    msr     elr_el1, x2
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp]
    add     sp, sp, #{frame_size}
    eret

.ltorg
