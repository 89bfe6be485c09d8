//! What a test is told about how it is to run, and what it has measured on the way to the host.
//!
//! That all of it arrives is checked by the host runner's own tests.

#[embedded_test::tests]
mod sending {
    use firmware::{
        cores::{self, CoreId},
        numbers, parameters,
    };
    use wire::{Number, Unit};

    fn send_each(core: CoreId) {
        let seed = parameters().seed;
        let number = u64::from(core.number());
        numbers::send(&Number::Digest { scenario: "numbers::each_core", value: seed });
        numbers::send(&Number::Value { name: "core", unit: Unit::Count, value: number });
        numbers::send(&Number::Spread {
            name: "send",
            peer: "nobody",
            unit: Unit::Nanoseconds,
            cores: u32::from(core.number()) + 1,
            samples: 4,
            p50: number,
            p99: number + 1,
            p999: number + 2,
            max: number + 3,
        });
        numbers::send(&Number::Point { series: "cores", at: number, value: number * number });
    }

    #[test]
    fn each_core_sends_one_of_each_kind() {
        cores::on_each(&send_each);
    }

    /// The frames of the others, and log, lie between.
    #[test]
    fn a_core_sends_many_while_others_log() {
        const POINTS: u64 = 100;
        cores::on_each(&|core| {
            for at in 0..POINTS {
                match core {
                    CoreId::BOOT => numbers::send(&Number::Point { series: "many", at, value: POINTS - at }),
                    _ if at == POINTS / 2 => defmt::info!("core {=u8} logs", core.number()),
                    _ => {}
                }
            }
        });
    }

    #[test]
    fn a_number_is_sent_with_interrupts_masked() {
        firmware::interrupts::without(|| {
            numbers::send(&Number::Value { name: "masked", unit: Unit::Count, value: 1 });
        });
    }
}

#[embedded_test::tests]
mod parameters {
    use firmware::{cores, numbers, parameters};
    use wire::{Coverage, Number, Unit};

    #[test]
    fn every_core_reads_the_same() {
        let here = parameters();
        let (until, whole) = (here.until.unwrap_or(u64::MAX), u64::from(here.memory == Coverage::Whole));
        for (name, value) in
            [("seed", here.seed), ("budget ms", here.budget_ms), ("until", until), ("whole", whole)]
        {
            numbers::send(&Number::Value { name, unit: Unit::Count, value });
        }
        cores::on_each(&|_| assert!(parameters() == here));
    }
}
