// The first page of the image: the header of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst), the two
// ways in, and the switch between translation tables. It is mapped three times: at its physical address, which is
// where it runs when the MMU goes on; at TRAMPOLINE in the upper half, which both sets of tables share, so that the
// lower half can be exchanged under it; and at its link address.

.section .head, "ax"
.global _start
_start:
    b       cold_entry
    .long   0
    .quad   0                       // text_offset
    .quad   __image_size
    .quad   0b1010                  // little-endian, 4 KiB pages, anywhere in memory
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

// The boot core. x0: physical address of the device tree. MMU and data cache off, at EL2 or EL1.
cold_entry:
    msr     daifset, #0xf
    mov     x19, x0
    mrs     x20, CurrentEL
    lsr     x20, x20, #2
    bl      enter_el1
    adr     x21, _start
    adrp    x9, __early_tables      // a line that the boot loader left modified must not be written over what follows
    adrp    x10, __early_stack_top
1:  dc      ivac, x9
    add     x9, x9, #16             // the smallest cache line there is
    cmp     x9, x10
    b.lo    1b
    dsb     sy
    mov     sp, x10
    mov     x0, x21
    mov     x1, x19
    adrp    x2, __early_tables
    bl      {build_early_tables}
    adrp    x0, __early_tables      // root 0: this page, at its physical address
    add     x1, x0, #0x1000         // root 1: this page, at TRAMPOLINE
    add     x22, x0, #0x2000        // root 2: the image at its link address, and the device tree
    ldr     x2, ={sctlr_early}
    bl      enable_mmu
    ldr     x3, =__boot_stack_top
    ldr     x6, =__boot_exception_stack_top
    ldr     x4, ={cold_boot}
    mov     x0, x22                 // x1 stays; here adrp would not give a physical address any more
    ldr     x2, ={sctlr_early}
    mov     x5, x21
    mov     x7, x19
    mov     x8, x20
    b       switch_world

// Any other core, by PSCI CPU_ON. x0: physical address of its `Start`.
.global secondary_entry
secondary_entry:
    msr     daifset, #0xf
    mov     x19, x0
    bl      enter_el1
    ldp     x20, x21, [x19]         // roots of the final tables
    ldp     x22, x23, [x19, #16]    // stack, exception stack
    ldp     x24, x25, [x19, #32]    // entry, its argument
    adrp    x0, __early_tables
    mov     x1, x21
    ldr     x2, ={sctlr_final}
    bl      enable_mmu
    mov     x0, x20
    mov     x1, x21
    ldr     x2, ={sctlr_final}
    mov     x3, x22
    mov     x4, x24
    mov     x5, x25
    mov     x6, x23
    b       switch_world

// Exchanges the tables, the stacks and the program counter. Must run at TRAMPOLINE.
// x0, x1: roots of the lower and upper half; x2: SCTLR_EL1; x3: SP_EL0; x6: SP_EL1; x4: where to go on;
// x5, x7, x8: its arguments.
.global switch_world
switch_world:
    msr     daifset, #0xf
    dsb     ishst                   // the walker must find the tables as they were written
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    isb
    msr     sctlr_el1, x2
    isb
    tlbi    vmalle1
    dsb     nsh
    tlbi    vmalle1                 // twice: see `forget_translations`
    dsb     nsh
    isb
    msr     spsel, #1
    mov     sp, x6
    msr     spsel, #0
    mov     sp, x3
    mov     x0, x5
    mov     x1, x7
    mov     x2, x8
    mov     x29, xzr
    mov     x30, xzr
    br      x4

// Turns the MMU and the caches on, and returns at TRAMPOLINE. x0, x1: roots; x2: SCTLR_EL1.
enable_mmu:
    ldr     x3, ={mair}
    msr     mair_el1, x3
    ldr     x3, ={tcr}
    mrs     x4, id_aa64mmfr0_el1    // PARange; more than 48 bits would need 52-bit tables
    and     x4, x4, #0xf
    mov     x5, #5
    cmp     x4, x5
    csel    x4, x4, x5, lo
    bfi     x3, x4, #32, #3
    msr     tcr_el1, x3
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el1, x2
    isb
    adr     x3, _start
    sub     x30, x30, x3
    ldr     x3, ={trampoline}
    add     x30, x30, x3
    ret

// Drops from EL2 to EL1, or stays at EL1; turns floating point on. EL3 is for nobody's firmware but its own.
enter_el1:
    mrs     x9, CurrentEL
    lsr     x9, x9, #2
    cmp     x9, #1
    b.eq    2f
    cmp     x9, #2
    b.ne    3f
    mov     x9, #(1 << 31)          // HCR_EL2.RW: EL1 is AArch64; no trap, no stage 2
    msr     hcr_el2, x9
    isb                             // the registers below mean something else while E2H is set
    mov     x9, #0b11               // CNTHCTL_EL2: EL1 may use the physical counter and timer
    msr     cnthctl_el2, x9
    msr     cntvoff_el2, xzr
    mov     x9, #0x33ff             // CPTR_EL2: RES1 bits only, no trap
    msr     cptr_el2, x9
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x9, id_aa64dfr0_el1     // PMUVer: 0 is none, 15 is none of this architecture
    ubfx    x9, x9, #8, #4
    add     x9, x9, #1
    and     x9, x9, #0xf
    cmp     x9, #2
    b.lo    4f
    mrs     x9, pmcr_el0            // MDCR_EL2.HPMN = PMCR_EL0.N: EL1 has all event counters
    ubfx    x9, x9, #11, #5
    msr     mdcr_el2, x9
4:
    mrs     x9, midr_el1
    msr     vpidr_el2, x9
    mrs     x9, mpidr_el1
    msr     vmpidr_el2, x9
    mrs     x9, id_aa64pfr0_el1     // GICv3 system registers, where there are any
    ubfx    x9, x9, #24, #4
    cbz     x9, 1f
    mov     x9, #0b1111             // ICC_SRE_EL2: on, and EL1 may turn it on
    msr     S3_4_C12_C9_5, x9
    isb
1:  ldr     x9, ={sctlr_off}
    msr     sctlr_el1, x9
    mov     x9, #0x3c5              // SPSR_EL2: EL1h, everything masked
    msr     spsr_el2, x9
    adr     x9, 2f
    msr     elr_el2, x9
    eret
2:  ldr     x9, ={sctlr_off}        // a boot loader at EL1 may leave alignment checks or WXN on
    msr     sctlr_el1, x9
    mov     x9, #(3 << 20)          // CPACR_EL1.FPEN
    msr     cpacr_el1, x9
    isb
    ret
3:  wfe
    b       3b

.ltorg
