//! Processes that are killed, stopped and started at random.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::workers::Workers;

#[derive(Debug)]
pub(crate) struct Chaos {
    count: usize,
    random: fastrand::Rng,
    pub(crate) killed: usize,
    pub(crate) stopped: usize,
    /// From when to when which process was stopped, or when it was killed.
    disturbances: Vec<(String, Instant, Instant)>,
}

impl Chaos {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            count,
            random: fastrand::Rng::with_seed(7),
            killed: 0,
            stopped: 0,
            disturbances: Vec::new(),
        }
    }

    /// Starts the processes, and disturbs them for some time. At the end all are running or have ended.
    pub(crate) async fn run(&mut self, workers: &mut Workers, time: Duration) {
        for number in 0..self.count {
            workers.start(number);
        }
        let end = Instant::now() + time;
        // When which process is started or continued.
        let mut due: Vec<(Instant, usize)> = Vec::new();
        while Instant::now() < end || !due.is_empty() {
            sleep(Duration::from_millis(self.random.u64(100..500))).await;
            let now = Instant::now();
            let resumed: Vec<usize> = due
                .extract_if(.., |(at, _)| *at <= now || now >= end)
                .map(|(_, number)| number)
                .collect();
            for number in resumed {
                if workers.is_running(number) {
                    workers.signal(number, "CONT");
                } else {
                    workers.start(number);
                }
            }
            let number = self.random.usize(..self.count);
            let is_disturbed = due.iter().any(|(_, other)| *other == number);
            if now >= end || is_disturbed || !workers.is_running(number) {
                continue;
            }
            let pause = if self.random.bool() {
                workers.kill(number);
                self.killed += 1;
                Duration::from_millis(self.random.u64(0..1_000))
            } else {
                workers.signal(number, "STOP");
                self.stopped += 1;
                Duration::from_millis(self.random.u64(200..2_500))
            };
            due.push((now + pause, number));
            let name = format!("worker-{number}");
            self.disturbances.push((name, now, now + pause));
        }
    }

    /// Whether a process was stopped, or killed and started again, in a time.
    pub(crate) fn disturbed(&self, process: &str, from: Instant, to: Instant) -> bool {
        let mut disturbances = self.disturbances.iter();
        disturbances.any(|(name, start, end)| {
            name == process && *start <= to && *end + Duration::from_secs(1) >= from
        })
    }
}
