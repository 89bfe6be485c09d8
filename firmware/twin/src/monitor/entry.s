// The ways into the monitor, and out of it into the image.

.section .head, "ax"
.global _start
_start:
    msr     daifset, #0xf
    adrp    x9, __bss_start
    add     x9, x9, :lo12:__bss_start
    adrp    x10, __bss_end
    add     x10, x10, :lo12:__bss_end
1:  cmp     x9, x10
    b.hs    2f
    stp     xzr, xzr, [x9], #16
    b       1b
2:  mov     x0, #0
    bl      set_up_stack
    b       {start_cold}

// Any other core, by PSCI CPU_ON. x0: its number.
.global core_entry
core_entry:
    msr     daifset, #0xf
    bl      set_up_stack
    b       {start_core}

// x0: the core's number, which stays.
set_up_stack:
    msr     spsel, #1
    adrp    x9, __stacks
    mov     x10, #{stack_size}
    add     x11, x0, #1
    madd    x9, x10, x11, x9
    mov     sp, x9
    mov     x29, xzr
    mov     x9, #0x33ff             // CPTR_EL2: RES1 bits only, no trap of floating point
    msr     cptr_el2, x9
    adrp    x9, monitor_vectors
    add     x9, x9, :lo12:monitor_vectors
    msr     vbar_el2, x9
    isb
    ret

// Leaves for the image: x0 for it, x1: where to.
.global enter_image
enter_image:
    msr     elr_el2, x1
    mov     x9, #0x3c5              // EL1h, everything masked
    msr     spsr_el2, x9
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    eret
