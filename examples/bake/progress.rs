//! What a user sees: two bars in a terminal, lines elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use gizmo_client::{JobEvent, JobEventKind};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) struct Progress {
    bars: Option<Bars>,
    /// Tenths of the download that have been told.
    tenths: AtomicU64,
    started: Instant,
}

struct Bars {
    all: MultiProgress,
    stages: ProgressBar,
    download: OnceLock<ProgressBar>,
    running: Mutex<Vec<String>>,
}

impl Progress {
    pub(crate) fn new(plain: bool) -> Self {
        let bars = (!plain).then(|| {
            let all = MultiProgress::new();
            let stages = all.add(ProgressBar::new(1).with_style(style(
                "{spinner} job      [{bar:30}] {pos}/{len} stages  {elapsed}  {msg}",
            )));
            stages.enable_steady_tick(Duration::from_millis(120));
            Bars {
                all,
                stages,
                download: OnceLock::new(),
                running: Mutex::default(),
            }
        });
        Self {
            bars,
            tenths: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// A line for the log, above the bars.
    pub(crate) fn line(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.all.println(line).unwrap_or_default(),
            None => eprintln!("{:7.1}s  {line}", self.started.elapsed().as_secs_f32()),
        }
    }

    /// An event of the job: the stages' bar moves; what is no progress becomes a line.
    pub(crate) fn event(&self, event: &JobEvent) {
        let Some(bars) = &self.bars else {
            if !matches!(event.kind, JobEventKind::Ping) {
                self.line(&event.to_string());
            }
            return;
        };
        let mut running = bars.running.lock().expect("nobody panics with it");
        match &event.kind {
            JobEventKind::StageStart { stage } => {
                running.push(stage.clone().unwrap_or_default());
                let known = bars.stages.position() + running.len() as u64;
                bars.stages
                    .set_length(known.max(bars.stages.length().unwrap_or(0)));
            }
            JobEventKind::StageComplete { stage } => {
                running.retain(|name| stage.as_ref().is_some_and(|stage| stage != name));
                bars.stages.inc(1);
            }
            JobEventKind::AssetReady { asset_id } => {
                let asset = asset_id.as_deref().unwrap_or_default();
                return bars.stages.set_message(format!("asset {asset} is ready"));
            }
            JobEventKind::Ping | JobEventKind::Snapshot(_) => return,
            JobEventKind::Done { .. } => return bars.stages.finish_with_message(event.to_string()),
            _ => return bars.all.println(event.to_string()).unwrap_or_default(),
        }
        bars.stages.set_message(running.join(", "));
    }

    /// More of the export has come: a bar moves, or a line comes with each tenth.
    pub(crate) fn download(&self, progress: gizmo_client::Progress) {
        let total = progress.total.unwrap_or(progress.received).max(1);
        if let Some(bars) = &self.bars {
            let bar = bars.download.get_or_init(|| {
                let template = "  download [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}";
                bars.all
                    .add(ProgressBar::new(total).with_style(style(template)))
            });
            bar.set_position(progress.received);
            if progress.total == Some(progress.received) {
                bar.finish();
            }
            return;
        }
        let tenth = progress.received * 10 / total;
        if tenth > self.tenths.swap(tenth, Ordering::Relaxed) {
            let bytes = progress.received;
            self.line(&format!("downloaded {bytes} of {total} bytes"));
        }
    }

    /// Leaves the bars as they stand.
    pub(crate) fn finish(&self) {
        if let Some(bars) = &self.bars
            && !bars.stages.is_finished()
        {
            bars.stages.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    style.progress_chars("=> ")
}
