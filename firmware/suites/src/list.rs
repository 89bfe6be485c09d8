//! The list of all scenarios.

/// Calls the macro `$with` with all suites and their scenarios: `suite { scenario, … }`, where a scenario is the function
/// `suites::suite::scenario`.
#[macro_export]
macro_rules! scenarios {
    ($with:ident) => {
        $with! {
            map {
                every_frame_of_free_ram_is_had_exactly_once,
                what_is_reserved_or_no_ram_is_never_had,
            }
            memory {
                every_frame_keeps_what_is_written_to_it,
            }
            frames {
                r004_1_a_block_is_given_back_by_its_address_alone,
                r004_3_blocks_of_2_mib_are_aligned_in_every_bank,
                r004_4_every_order_is_aligned_and_leaves_no_trace,
                r004_5_in_whatever_order_frames_come_back_all_is_joined,
                r004_14_frees_of_what_nobody_has_are_refused_and_change_nothing,
                r004_20_exact_numbers_of_frames_are_had,
                r004_20_memory_below_4_gib_is_had_on_request,
                r004_20_a_block_at_an_address_is_had_if_it_is_free,
                zeroed_frames_are_zero,
                requests_for_nothing_and_for_too_much_are_refused,
                a_shortage_explains_itself,
                memory_runs_out_at_every_order_and_comes_back,
                a_storm_of_splits_and_joins_leaves_no_trace,
                a_trace_shows_how_memory_falls_to_pieces,
            }
            slabs {
                r000_2_objects_are_made_once_and_dropped_once_on_all_cores,
                r000_7_slabs_grow_and_shrink_around_objects_that_stay,
                r000_8_r001_4_caches_by_size_refuse_objects_of_others,
                r001_2_what_was_given_back_last_is_handed_out_first,
                r001_3_objects_are_had_until_memory_is_out,
                r002_1_r002_2_sizes_have_classes_that_fit,
                r002_3_metadata_is_small,
                r002_8_what_is_too_large_is_refused,
                r002_12_what_one_core_takes_another_gives_back,
                r002_14_objects_of_all_sizes_are_aligned_as_was_asked_for,
                m22_legal_use_is_never_reported_at_any_level,
                a_reserve_is_had_when_memory_is_out,
                objects_come_and_go_where_no_core_can_be_told,
                a_storm_of_objects_leaves_no_trace,
            }
            heap {
                r000_4_box_vec_btreemap_and_arc_work,
                r000_6_all_cores_churn_at_once,
                what_one_core_makes_another_drops,
                lists_that_grow_and_shrink_leave_no_trace,
                a_large_block_is_given_back_piece_by_piece,
                m18_sizes_that_cannot_be_are_errors,
            }
            smp {
                r000_6_no_object_is_anybody_elses,
                r002_12_what_producers_take_consumers_give_back,
                r004_15_no_block_is_anybody_elses,
                m15_of_two_who_give_a_block_back_at_once_one_does,
                all_cores_use_up_all_frames,
                all_cores_use_up_all_objects,
                cores_go_off_with_full_caches_and_come_back,
            }
            faults {
                a1_each_request_for_a_block_is_refused_once,
                a1_each_request_for_frames_is_refused_once,
                a1_each_request_of_a_bulk_is_refused_once,
                a1_each_request_of_a_block_that_grows_is_refused_once,
                a1_each_request_of_memory_that_is_added_is_refused_once,
                a1_a_map_without_enough_memory_says_what_it_needs,
                a1_each_request_of_a_heap_is_refused_once,
                a1_each_request_of_a_heap_that_grows_is_refused_once,
                a1_each_request_of_memory_that_changes_is_refused_once,
                a1_each_request_of_a_cache_is_refused_once,
                a2_a_storm_with_random_refusals_leaves_no_trace,
                a2_all_cores_bear_random_refusals,
                a3_only_large_requests_are_refused,
                a4_only_handlers_are_refused,
                a5_only_one_core_is_refused,
                a6_constructors_that_refuse_leave_nothing,
                a7_a_core_goes_off_while_others_work,
                a9_caches_are_emptied_while_they_are_refilled,
                a10_memory_is_added_while_all_cores_allocate,
                a11_a_frame_that_turns_bad_never_comes_back,
                a14_cores_come_late,
            }
            interrupts {
                m16_r004_19_handlers_take_and_give_while_their_cores_do,
            }
            soak {
                all_kinds_of_operations_for_as_long_as_there_is_time,
            }
            misuse {
                m01_double_free_at_once,
                m02_double_free_later,
                m03_stale_free,
                m03b_stale_free_of_what_was_handed_out_again,
                m04_never_handed_out,
                m05_no_memory,
                m06_inside,
                m07_smaller,
                m08_larger,
                m09_other_owner,
                m10_write_after_free,
                m11_overflow_by_one,
                m12_overflow_into_the_next,
                m13_underflow,
                m14_flipped_bit,
                m15_race,
                m16_interrupt,
                m17_beginnings,
                m18_odd_sizes,
                m19_cache_in_use,
                m20_leak,
                m21_read_after_free,
                m22_false_report,
            }
        }
    };
}
