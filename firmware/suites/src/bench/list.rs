//! The list of all benchmarks.

/// Calls the macro `$with` with all benchmarks: `group { benchmark, … }`, where a benchmark is the function
/// `suites::bench::group::benchmark`.
#[macro_export]
macro_rules! benchmarks {
    ($with:ident) => {
        $with! {
            objects {
                hot_pairs_of_64_bytes,
                pairs_of_every_power_of_two,
                random_replacement_among_many,
                many_given_back_last_first,
                many_given_back_first_first,
                many_given_back_at_random,
            }
            frames {
                hot_pairs_of_one_frame,
                many_given_back_at_random,
                mixed_orders_at_half_occupancy,
            }
            cores {
                hot_pairs_of_64_bytes,
                random_replacement_among_many,
                hot_pairs_of_one_frame,
                producer_and_consumer,
            }
        }
    };
}
