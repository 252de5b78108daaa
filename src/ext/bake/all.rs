//! Many prompts, each into its own directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use futures_core::Stream;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Bake, BakeEvent};
use crate::ext::bundle::Bundle;
use crate::ext::error::{Error, Fnv1a};
use crate::ext::jobs::reconcile::Confidence;
use crate::raw::Client;
use crate::raw::types::Format;

impl Client {
    /// Bakes many scenes, each into its own directory.
    ///
    /// A failure does not stop the others. Running it again with the same prompts and the same
    /// directory completes the rest.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = gizmo_simulator::Simulator::start(gizmo_simulator::Options::instant()).await?;
    /// # let builder = gizmo_client::Client::builder().api_key(simulator.api_key());
    /// # let client = builder.base_url(simulator.url()).build()?;
    /// # let dir = tempfile::tempdir()?;
    /// # std::env::set_current_dir(&dir)?;
    /// let prompts = ["a kitchen", "a garage"];
    /// let summary = client.bake_all(prompts).into_dir("scenes").await;
    /// for baked in summary.failed() {
    ///     println!("{}: {}", baked.prompt, baked.error.as_deref().unwrap_or_default());
    /// }
    /// # assert_eq!(summary.failed().count(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bake_all<P: Into<String>>(&self, prompts: impl IntoIterator<Item = P>) -> BakeAll {
        BakeAll {
            client: self.clone(),
            prompts: prompts.into_iter().map(Into::into).collect(),
            format: Format::Mjcf,
            at_once: 4,
            ask_again: false,
        }
    }
}

/// The settings of many bakes, created by [`Client::bake_all`].
#[derive(Debug, Clone)]
#[must_use = "nothing is baked before `into_dir` or `stream` is called"]
pub struct BakeAll {
    client: Client,
    prompts: Vec<String>,
    format: Format,
    at_once: usize,
    ask_again: bool,
}

impl BakeAll {
    /// Sets the simulator format. Defaults to MJCF.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets how many scenes are baked at the same time, at least one. Defaults to 4.
    pub fn at_once(mut self, count: usize) -> Self {
        self.at_once = count.max(1);
        self
    }

    /// Consents to pay for another job of a prompt whose response was lost, as
    /// [`BakeBuilder::ask_again`](super::BakeBuilder::ask_again) does.
    ///
    /// For a single prompt, bake it into the directory of its [`Baked::dir`], with
    /// [`adopt`](super::BakeBuilder::adopt) if you know its job or scene.
    pub fn ask_again(mut self) -> Self {
        self.ask_again = true;
        self
    }

    /// Bakes each prompt into a directory in `dir` that is named after the prompt and its hash, and
    /// returns a summary. [`Baked::dir`] names the directory.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`Bake`](super::Bake) is.
    pub async fn into_dir(self, dir: impl AsRef<Path>) -> BakeSummary {
        let count = self.prompts.len();
        let mut baked: Vec<Option<Baked>> = Vec::new();
        baked.resize_with(count, || None);
        let mut all = Box::pin(self.stream(dir.as_ref()));
        while let Some((index, one)) = all.next().await {
            baked[index] = Some(one);
        }
        BakeSummary {
            baked: baked.into_iter().flatten().collect(),
        }
    }

    /// Returns each scene when it is complete or has failed, with the index of its prompt.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`Bake`](super::Bake) is.
    pub fn stream(self, dir: &Path) -> impl Stream<Item = (usize, Baked)> + Send + use<> {
        let Self {
            client,
            prompts,
            format,
            at_once,
            ask_again,
        } = self;
        let directories = directories(&prompts, dir);
        let bakes = prompts.into_iter().zip(directories).enumerate();
        let bakes = bakes.map(move |(index, (prompt, dir))| {
            let mut bake = client.bake(&prompt).format(format.clone());
            if ask_again {
                bake = bake.ask_again();
            }
            let bake = bake.into_dir(&dir);
            async move { (index, Baked::of(prompt, dir, bake).await) }
        });
        futures_util::stream::iter(bakes).buffer_unordered(at_once)
    }
}

/// The result of one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baked {
    /// The prompt.
    pub prompt: String,
    /// The directory of the scene.
    pub dir: PathBuf,
    /// The model file, if it succeeded and the export has exactly one.
    pub model: Option<PathBuf>,
    /// What the models lack, one line each, if it succeeded ([`Bundle::warnings`]).
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The error on one line, if it failed.
    pub error: Option<String>,
    /// The job, if it failed with one.
    pub job_id: Option<String>,
    /// How well the scene fits, if the response to its request was lost and this run found it.
    pub confidence: Option<Confidence>,
}

impl Baked {
    async fn of(prompt: String, dir: PathBuf, mut bake: Bake) -> Self {
        let (mut model, mut error, mut found) = (None, None, None);
        let mut warnings = Vec::new();
        while let Some(event) = bake.next().await {
            match event {
                Ok(BakeEvent::Finished(bundle)) => {
                    model = bundle.model().path().ok().map(Path::to_owned);
                    warnings = warnings_of(bundle).await;
                }
                Ok(BakeEvent::Found { confidence, .. }) => found = Some(confidence),
                Ok(_) => {}
                Err(failure) => error = Some(failure),
            }
        }
        Self {
            confidence: found,
            prompt,
            dir,
            model,
            warnings,
            job_id: error.as_ref().and_then(Error::job_id).map(str::to_owned),
            error: error.map(|error| format!("{error:#}")),
        }
    }
}

/// Returns what the models of a bundle lack, or why they could not be checked.
async fn warnings_of(bundle: Bundle) -> Vec<String> {
    let checked = spawn_blocking(move || bundle.warnings()).await;
    match checked {
        Ok(Ok(warnings)) => warnings.iter().map(ToString::to_string).collect(),
        Ok(Err(error)) => vec![format!("the models could not be checked: {error}")],
        Err(error) => vec![format!("the models could not be checked: {error}")],
    }
}

/// The results of many prompts, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BakeSummary {
    /// The results.
    pub baked: Vec<Baked>,
}

impl BakeSummary {
    /// Returns those that failed. Baking again retries only these.
    pub fn failed(&self) -> impl Iterator<Item = &Baked> {
        self.baked.iter().filter(|baked| baked.error.is_some())
    }
}

/// Returns a directory for each prompt, the same one each time: `a-robotics-lab-1f0a6b3c`. A prompt
/// that occurs twice has two.
fn directories(prompts: &[String], dir: &Path) -> Vec<PathBuf> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let directory = |prompt: &String| {
        let words: String = prompt
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    ' '
                }
            })
            .collect();
        let mut name = words.split_whitespace().collect::<Vec<_>>().join("-");
        name.truncate(40);
        (
            name.trim_end_matches('-').to_owned(),
            Fnv1a::of(prompt.as_bytes()),
        )
    };
    let mut named = Vec::new();
    for prompt in prompts {
        let (name, hash) = directory(prompt);
        let times = seen.entry(prompt).or_default();
        *times += 1;
        let suffix = if *times > 1 {
            format!("-{times}")
        } else {
            String::new()
        };
        let separator = if name.is_empty() { "" } else { "-" };
        named.push(dir.join(format!(
            "{name}{separator}{:08x}{suffix}",
            hash & 0xffff_ffff
        )));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_named_after_their_prompts_and_distinct() {
        let prompts = [
            "A robotics lab!",
            "a robotics lab",
            "a robotics lab",
            "käse / ../x",
            "机器人",
        ]
        .map(str::to_owned);
        let directories = directories(&prompts, Path::new("out"));
        let names: Vec<_> = directories
            .iter()
            .map(|directory| directory.file_name().unwrap().to_str().unwrap())
            .collect();
        assert!(names[0].starts_with("a-robotics-lab-") && names[1].starts_with("a-robotics-lab-"));
        assert_eq!(names[2], format!("{}-2", names[1]));
        assert!(names[3].starts_with("k-se-x-"), "{}", names[3]);
        assert_eq!(names[4].len(), 8);
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 5);
        assert!(
            directories
                .iter()
                .all(|directory| directory.parent() == Some(Path::new("out")))
        );
    }
}
