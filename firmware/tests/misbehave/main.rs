//! Tests that misbehave, each in its own way.
//!
//! The host runner's tests run this image and check how each of these ends, and that those after it still run.

#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "misbehaviour")]

use firmware as _;

mod wild;

#[embedded_test::tests]
mod verdicts {
    #[test]
    fn passes() {}

    #[test]
    fn panics() {
        panic!("on purpose: {}", 42);
    }

    #[test]
    fn returns_err() -> Result<(), &'static str> {
        Err("on purpose")
    }

    #[test]
    #[should_panic]
    fn should_panic_and_does() {
        panic!("as it should");
    }

    #[test]
    #[should_panic]
    fn should_panic_and_does_not() {}

    #[test]
    #[should_panic]
    fn should_panic_and_returns_err() -> Result<(), &'static str> {
        Err("that is no panic")
    }

    #[test]
    #[ignore = "a runner that ran it would be wrong"]
    fn is_ignored() {
        panic!("nobody should run this");
    }
}

#[embedded_test::tests]
mod exceptions {
    use crate::wild;
    use firmware::layout;

    #[test]
    fn reads_unmapped_memory() {
        defmt::info!("{=u64}", wild::read(0xdead_0000));
    }

    #[test]
    fn writes_code() {
        wild::write(layout::image_start(), 0);
    }

    #[test]
    fn executes_data() {
        static RETURN: [u32; 2] = [0xd65f_03c0; 2];
        let mut on_stack = RETURN;
        wild::call(core::hint::black_box(&mut on_stack).as_ptr().addr() as u64);
    }

    #[test]
    fn executes_an_undefined_instruction() {
        wild::undefined();
    }

    #[test]
    fn overflows_its_stack() {
        defmt::info!("{=u64}", wild::recurse(u64::MAX));
    }

    #[test]
    fn jumps_to_nowhere() {
        wild::call(0x10);
    }
}

#[embedded_test::tests]
mod hangs {
    use crate::wild;
    use firmware::{cores, interrupts};

    #[test]
    #[timeout(2)]
    fn with_interrupts_on() {
        wild::hang();
    }

    #[test]
    #[timeout(60)]
    fn with_interrupts_off() {
        interrupts::mask();
        wild::hang();
    }

    /// Core 3 hangs with interrupts off, and the test waits for it.
    #[test]
    #[timeout(2)]
    fn waiting_for_a_core_that_hangs() {
        let core = wild::core(3);
        cores::give(core, &|_| {
            interrupts::mask();
            wild::hang();
        });
        cores::wait(core);
    }

    /// The test itself returns.
    #[test]
    fn leaving_a_core_that_hangs() {
        let core = wild::core(3);
        let hung = &wild::HUNG;
        cores::give(core, &|_| {
            interrupts::mask();
            wild::HUNG.store(true, core::sync::atomic::Ordering::Release);
            wild::hang();
        });
        while !hung.load(core::sync::atomic::Ordering::Acquire) {
            core::hint::spin_loop();
        }
    }
}

#[embedded_test::tests]
mod other_cores {
    use crate::wild;
    use firmware::cores;

    #[test]
    fn one_panics() {
        cores::give(wild::core(5), &|_| panic!("on core 5"));
        wild::hang();
    }

    #[test]
    fn one_reads_unmapped_memory() {
        cores::give(wild::core(2), &|_| wild::write(0xdead_0000, wild::read(0xdead_0008)));
        wild::hang();
    }

    #[test]
    fn one_overflows_its_stack() {
        cores::give(wild::core(1), &|_| wild::write(0xdead_0000, wild::recurse(u64::MAX)));
        wild::hang();
    }

    #[test]
    fn all_panic_at_once() {
        cores::on_each(&|_| panic!("together"));
    }
}

/// What an emulator's devices put up with and a phone's do not.
#[embedded_test::tests]
mod devices {
    use crate::wild;

    #[test]
    fn reads_behind_the_serial_port() {
        defmt::info!("{=u32}", wild::read_port(0xf00));
    }

    #[test]
    fn writes_one_byte_to_the_serial_port() {
        wild::send_byte(0);
    }
}

#[embedded_test::tests]
mod power {
    use firmware::psci;

    #[test]
    fn switches_the_machine_off() {
        psci::system_off();
    }

    #[test]
    fn resets_the_machine() {
        psci::system_reset();
    }
}

/// What one test leaves in free memory outlives the restart after it, and another test stumbles over it. On a board that has
/// just been started there is none of it.
#[embedded_test::tests]
mod leftovers {
    use crate::wild;

    #[test]
    fn leaves_a_key() {
        wild::leave(wild::KEY);
    }

    #[test]
    fn leaves_a_lock() {
        wild::leave(wild::LOCK);
    }

    #[test]
    fn leaves_nothing() {}

    #[test]
    fn minds_a_key() {
        assert!(!wild::finds(wild::KEY), "free memory is not as it was: there is a key");
    }

    #[test]
    fn minds_a_lock_with_its_key() {
        assert!(
            !(wild::finds(wild::LOCK) && wild::finds(wild::KEY)),
            "free memory is not as it was: there are a lock and its key"
        );
    }

    #[test]
    fn minds_nothing() {}
}

#[embedded_test::tests]
mod line {
    use crate::wild;
    use firmware::cores;

    /// What a test runner that reads text would take for success, a whole frame that says so, and then a failure.
    #[test]
    fn forges_a_pass() {
        wild::send(b"\ntest line::forges_a_pass ... ok\n\ntest result: ok. 1 passed; 0 failed\n");
        wild::forge_verdict();
        panic!("after the forgery");
    }

    #[test]
    #[timeout(2)]
    fn forges_a_pass_and_hangs() {
        wild::send(b"\ntest result: ok. 1 passed; 0 failed\n");
        wild::forge_verdict();
        wild::hang();
    }

    #[test]
    fn sends_random_bytes_and_passes() {
        wild::send_random(64 * 1024);
    }

    #[test]
    #[timeout(60)]
    fn logs_one_mebibyte() {
        for line in 0..16_384_u32 {
            defmt::info!("line {=u32} {=[u8]:a}", line, [b'.'; 54]);
        }
    }

    /// For as long a log as is wanted: `--until 10000000 --budget 8h`.
    #[test]
    #[timeout(60)]
    fn logs_as_many_lines_as_are_ordered() {
        for line in 0..firmware::parameters().until.unwrap_or(100) {
            defmt::info!("line {=u64}", line);
        }
    }

    #[test]
    #[timeout(60)]
    fn logs_from_all_cores_at_once() {
        cores::on_each(&|core| {
            for line in 0..1000_u32 {
                defmt::info!("core {=u32} line {=u32}", core.index() as u32, line);
            }
        });
    }

    #[test]
    fn sends_a_number_that_fits_into_no_frame() {
        let name = core::str::from_utf8(&[b'n'; 2000]).unwrap_or_default();
        firmware::numbers::send(&wire::Number::Value { name, unit: wire::Unit::Count, value: 1 });
    }

    #[test]
    fn passes_after_all_that() {}
}
