//! Catches panics of the generator without printing them.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

/// Runs `work` and returns the message of a panic as an error, without printing it.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    /// The panic hook is global: two threads that replace it at once could leave it silent
    /// permanently.
    static HOOK: Mutex<()> = Mutex::new(());

    let guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    drop(guard);
    outcome.map_err(|payload| {
        payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| {
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
            })
            .unwrap_or_else(|| "no message".to_owned())
    })
}
