//! The cores: power, work, interrupts.

#[embedded_test::tests]
mod power {
    use firmware::{
        boot,
        cores::{self, CoreId, State},
    };

    #[test]
    fn every_core_of_the_device_tree_is_up() {
        assert_eq!(cores::online(), boot::machine().core_count());
    }

    #[test]
    fn a_core_is_parked_and_brought_back() {
        for core in CoreId::all().filter(|&core| core != CoreId::BOOT) {
            defmt::assert_eq!(cores::park(core), Ok(()));
            defmt::assert_eq!(cores::state(core), State::Off);
            defmt::assert_eq!(cores::bring_up(core), Ok(()));
            defmt::assert_eq!(cores::state(core), State::Idle);
        }
        assert_eq!(cores::online(), boot::machine().core_count());
    }

    #[test]
    fn a_core_at_work_can_be_parked() {
        let Some(core) = CoreId::all().nth(1) else { return };
        cores::give(core, &|_| {
            loop {
                core::hint::spin_loop();
            }
        });
        defmt::assert_eq!(cores::park(core), Ok(()));
        defmt::assert_eq!(cores::bring_up(core), Ok(()));
    }

    /// The test ends while the other cores work; the next test must find all of them again.
    #[test]
    fn cores_may_be_left_at_work() {
        for core in CoreId::all().filter(|&core| core != CoreId::BOOT) {
            cores::give(core, &|_| {
                loop {
                    core::hint::spin_loop();
                }
            });
        }
    }

    #[test]
    fn every_core_is_up_after_they_were_left_at_work() {
        assert_eq!(cores::online(), boot::machine().core_count());
    }
}

#[embedded_test::tests]
mod work {
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
    use firmware::{
        cores::{self, CoreId},
        machine::MAX_CORES,
    };

    #[test]
    fn each_core_does_it_once_and_knows_who_it_is() {
        let runs = [const { AtomicU32::new(0) }; MAX_CORES];
        let affinities = [const { AtomicU64::new(u64::MAX) }; MAX_CORES];
        for _ in 0..100 {
            cores::on_each(&|core| {
                runs[core.index()].fetch_add(1, Relaxed);
                affinities[core.index()].store(cores::current_affinity(), Relaxed);
            });
        }
        for core in CoreId::all() {
            defmt::assert_eq!(runs[core.index()].load(Relaxed), 100);
            defmt::assert_eq!(affinities[core.index()].load(Relaxed), core.affinity());
        }
    }

    #[test]
    fn a_counter_that_all_cores_share_loses_nothing() {
        const ROUNDS: u64 = 10_000;
        let counter = AtomicU64::new(0);
        cores::on_each(&|_| {
            for _ in 0..ROUNDS {
                counter.fetch_add(1, Relaxed);
            }
        });
        defmt::assert_eq!(counter.load(Relaxed), ROUNDS * cores::online() as u64);
    }
}

#[embedded_test::tests]
mod interrupts {
    use core::hint::black_box;
    use firmware::{
        clock::Deadline,
        cores::{self, CoreId},
    };

    const BUDGET_MS: u64 = 5000;

    #[test]
    fn the_timer_interrupts_every_core() {
        let deadline = Deadline::in_ms(BUDGET_MS);
        for core in CoreId::all() {
            let before = cores::ticks(core);
            while cores::ticks(core) < before + 3 {
                defmt::assert!(!deadline.has_passed(), "core {=u32} had no three ticks", core.index() as u32);
            }
        }
    }

    /// Sums in floating point on every core while interrupts come; a register lost once changes the sum.
    #[test]
    fn an_interrupt_changes_no_register() {
        fn sum() -> f64 {
            (1..=1000).map(|n| f64::from(black_box(n))).map(|n| 1.0 / (n * n)).sum()
        }
        let expected = sum();
        cores::on_each(&|core| {
            let (before, deadline) = (cores::ticks(core), Deadline::in_ms(BUDGET_MS));
            while cores::ticks(core) < before + 10 {
                assert_eq!(sum().to_bits(), expected.to_bits());
                assert!(!deadline.has_passed(), "no ten ticks");
            }
        });
    }
}

#[embedded_test::tests]
mod holding {
    use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
    use firmware::{
        clock::Deadline,
        cores::{self, CoreId},
        frames::ThisMachine,
        machine::MAX_CORES,
    };
    use framekeeper::CpuLocal;

    const BUDGET_MS: u64 = 10_000;

    #[test]
    fn a_core_that_is_held_does_nothing() {
        let steps = [const { AtomicU64::new(0) }; MAX_CORES];
        let is_over = AtomicBool::new(false);
        cores::on_each(&|core| {
            let own = &steps[core.index()];
            if core != CoreId::BOOT {
                while !is_over.load(Relaxed) {
                    own.fetch_add(1, Relaxed);
                }
                return;
            }
            for _ in 0..100 {
                let held = ThisMachine.hold_others(|other| {
                    let other = &steps[other.index()];
                    let before = other.load(Relaxed);
                    (0..100).for_each(|_| assert_eq!(other.load(Relaxed), before));
                });
                assert!(held, "all others can be held");
            }
            is_over.store(true, Relaxed);
        });
    }

    /// The boot core's tick tends the link: were it never to come, the host would take the board for dead.
    #[test]
    fn a_core_that_is_held_again_and_again_has_its_ticks() {
        let before = cores::ticks(CoreId::BOOT);
        let deadline = Deadline::in_ms(BUDGET_MS);
        cores::on_each(&|core| {
            while cores::ticks(CoreId::BOOT) < before + 10 {
                assert!(!deadline.has_passed(), "no ten ticks");
                if core != CoreId::BOOT {
                    ThisMachine.hold_others(|_| ());
                }
            }
        });
    }
}
