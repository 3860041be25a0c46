//! The wheel against a plain list of deadlines, and the driver against the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

struct Count(AtomicUsize);
impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn every_deadline_fires_once_and_not_before() {
    // A fixed multiplicative sequence in place of random numbers.
    let mut state = 1u64;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut wheel = Wheel::new();
    let mut now = 1_000_003;
    wheel.elapsed = now;
    let mut expected: Vec<(u32, u64, Arc<Count>)> = Vec::new();
    for round in 0..3000 {
        let reach = [10, 100, 5_000, 400_000, 30_000_000][round % 5];
        let deadline = now + 1 + next(reach);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let index = wheel.insert();
        wheel.arm(index, deadline, &Waker::from(count.clone()));
        expected.push((index, deadline, count));
        if round % 3 == 0 {
            // Re-arm an older one: later, earlier or never.
            let pick = next(expected.len() as u64) as usize;
            let (index, deadline, count) = &mut expected[pick];
            if *deadline > now {
                *deadline = if round % 9 == 0 {
                    NEVER
                } else {
                    now + 1 + next(reach * 2)
                };
                wheel.arm(*index, *deadline, &Waker::from(count.clone()));
            }
        }
        now += next(40);
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        due.into_iter().for_each(Waker::wake);
        for (_, deadline, count) in &expected {
            let fired = count.0.load(Ordering::Relaxed);
            assert_eq!(
                fired,
                usize::from(*deadline <= now),
                "deadline {deadline} at {now}"
            );
        }
        if let Some(at) = wheel.next_expiry() {
            assert!(at > now);
            let soonest = expected
                .iter()
                .map(|e| e.1)
                .filter(|d| *d > now && *d != NEVER)
                .min();
            assert!(soonest.is_none_or(|soonest| at <= soonest));
        }
    }
    for (index, ..) in &expected {
        wheel.remove(*index);
    }
    assert_eq!((wheel.live, wheel.occupied), (0, [0; LEVELS]));
}

#[test]
fn far_deadlines_stay_within_the_horizon() {
    let mut wheel = Wheel::new();
    wheel.elapsed = 12_345;
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let index = wheel.insert();
    let deadline = 12_345 + 3 * HORIZON;
    wheel.arm(index, deadline, &Waker::from(count.clone()));
    let mut due = Vec::new();
    let mut looks = 0;
    while let Some(at) = wheel.next_expiry() {
        assert!(at > wheel.elapsed);
        wheel.advance(at, &mut due);
        assert_eq!(due.is_empty(), at < deadline);
        looks += 1;
        assert!(looks < 100);
    }
    assert_eq!(due.len(), 1);
}

#[test]
fn a_later_deadline_is_only_a_store() {
    let mut wheel = Wheel::new();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count);
    let index = wheel.insert();
    wheel.arm(index, 100, &waker);
    wheel.arm(index, 5000, &waker);
    let entry = &wheel.entries[0];
    assert_eq!((entry.at, entry.deadline), (100, 5000));
    let mut due = Vec::new();
    wheel.advance(200, &mut due);
    assert!(due.is_empty());
    assert_eq!(wheel.entries[0].at, 5000);
}

#[test]
fn the_driver_wakes_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .on_thread_unpark(crate::turn::begin)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("runtime");
    runtime.block_on(async {
        tokio::task::spawn_local(drive());
        let order = Rc::new(RefCell::new(Vec::new()));
        let start = clock::refresh() / 1000;
        let tasks: Vec<_> = [30u64, 5, 70, 12]
            .into_iter()
            .map(|wait| {
                let order = order.clone();
                tokio::task::spawn_local(async move {
                    pause(wait).await;
                    assert!(clock::now_ms() >= start + wait);
                    order.borrow_mut().push(wait);
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("task");
        }
        assert_eq!(*order.borrow(), [5, 12, 30, 70]);
        assert!(clock::now_ms() < start + 5000);
        assert_eq!(population(), (0, 0));
    });
}
