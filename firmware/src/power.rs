//! Resetting the machine, and switching it off.

use framekeeper::PhysAddr;
use machine::Power;
use wire::ResetInto;

use crate::{boot, clock::Deadline, psci};

/// How long a reset may take from the order to the end of everything.
const RESET_MS: u64 = 100;

/// Resets the machine. What is in RAM outlives it where the machine has a warm reset.
///
/// Where there is no other way than PSCI, a boot loader is not told what is wanted of it: an emulator's starts the image
/// again in any case. Returns only if everything refuses.
pub fn reset(into: ResetInto) {
    if let Some(pmu) = google_pmu() {
        match into {
            ResetInto::System => {}
            ResetInto::BootLoader => pmu.modify(Register::BOOT_MODE, u32::MAX, Register::BOOT_MODE_FASTBOOT),
        }
        pmu.modify(Register::SOFTWARE_RESET, Register::RESET_SYSTEM, Register::RESET_SYSTEM);
        wait();
    }
    psci::system_reset();
}

/// Switches the machine off. Returns only if everything refuses.
pub fn off() {
    if let Some(pmu) = google_pmu() {
        pmu.modify(Register::POWER_HOLD, Register::HOLD, 0);
        wait();
    }
    psci::system_off();
}

fn google_pmu() -> Option<GooglePmu> {
    // A machine that is not known yet has not said what it has.
    match boot::try_machine()?.power {
        Power::GooglePmu(registers) => Some(GooglePmu(registers)),
        Power::Psci => None,
    }
}

fn wait() {
    let deadline = Deadline::in_ms(RESET_MS);
    while !deadline.has_passed() {
        core::hint::spin_loop();
    }
}

/// The power management unit of a Pixel 6, by the physical address of its registers: firmware at EL3 writes them.
#[derive(Clone, Copy)]
struct GooglePmu(PhysAddr);

/// Offsets of its registers, and what is in them (Linux, gs101.dtsi, `poweroff`, `reboot-mode`, `reboot`).
struct Register;

impl Register {
    /// SYSIP_DAT0: what the boot loader is to do after a warm reset.
    const BOOT_MODE: u64 = 0x0810;
    const BOOT_MODE_FASTBOOT: u32 = 0xfc;
    /// SYSTEM_CONFIGURATION.
    const SOFTWARE_RESET: u64 = 0x3a00;
    const RESET_SYSTEM: u32 = 1 << 1;
    /// PAD_CTRL_PWR_HOLD: clear, the machine goes off.
    const POWER_HOLD: u64 = 0x3e9c;
    const HOLD: u32 = 1 << 8;
}

impl GooglePmu {
    /// Gives the bits of `mask` in a register new values (Linux, gs101-pmu.c). Nothing is done about a refusal: whoever
    /// asks waits for what does not come, and goes on to another way.
    fn modify(self, register: u64, mask: u32, value: u32) {
        /// The secure call, and what it is to do.
        const PMU_REGISTER: u32 = 0x8200_0504;
        const READ_MODIFY_WRITE: u32 = 2;
        // The call takes 32 bits of address, and the unit lies there.
        let address = (self.0.0 + register) as u32;
        let _ = smccc::smc32(PMU_REGISTER, [address, READ_MODIFY_WRITE, mask, value, 0, 0, 0]);
    }
}
