//! Logging from anywhere.

#[embedded_test::tests]
mod records {
    use firmware::{cores, interrupts};

    #[test]
    fn all_cores_log_at_once() {
        cores::on_each(&|core| {
            for line in 0..2_u32 {
                defmt::info!("core {=u32} line {=u32}", core.index() as u32, line);
            }
        });
    }

    #[test]
    fn an_address_above_4_gib_is_whole() {
        defmt::info!("{=u64:#x}", 0x8_8000_1234);
    }

    #[test]
    fn a_record_is_sent_with_interrupts_masked() {
        interrupts::without(|| defmt::info!("masked"));
    }
}
