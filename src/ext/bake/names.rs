//! The names of the directories of many prompts.

use std::collections::{HashMap, HashSet};

use super::prompt::BakePrompt;
use crate::ext::error::{Error, ErrorKind, Fnv1a, one_line};
use crate::ext::files::archive::is_portable_part;

impl BakePrompt {
    /// Returns the name of each prompt's directory, as [`Client::bake_all`](crate::Client::bake_all) chooses
    /// it: that of [`name`](Self::name), or one that is made of the prompt and its hash, such as
    /// `a-robotics-lab-1f0a6b3c`. The same list has the same names each time, and all names differ, also where
    /// case does not count.
    ///
    /// # Errors
    ///
    /// For each prompt, [`ErrorKind::InvalidRequest`] if it is blank, or if its own name is not one part of a path that
    /// is valid on every system, or is that of an earlier prompt.
    pub fn names(prompts: &[Self]) -> Vec<Result<String, Error>> {
        let mut names = Names::default();
        let name = |prompt| {
            let (name, invalid) = names.of(prompt);
            let blank = prompt.prompt.trim().is_empty();
            let invalid = invalid.or(blank.then(|| "the prompt is blank".to_owned()));
            invalid.map_or(Ok(name), |why| {
                Err(Error::new(ErrorKind::InvalidRequest, why))
            })
        };
        prompts.iter().map(name).collect()
    }
}

/// The names of the directories, the same ones each time.
#[derive(Debug, Default)]
pub(super) struct Names<'p> {
    /// How many times a prompt without a name has occurred.
    times: HashMap<&'p str, u32>,
    /// In lower case: some file systems do not distinguish it.
    taken: HashSet<String>,
}

impl<'p> Names<'p> {
    /// Returns the name of a prompt's directory. Also returns why the prompt cannot have its own name, if so.
    pub(super) fn of(&mut self, prompt: &'p BakePrompt) -> (String, Option<String>) {
        let why = match &prompt.name {
            Some(name) if !is_portable_part(name) => {
                let shown = one_line(name, 60);
                Some(format!(
                    "`{shown}` is not the name of a directory on every system"
                ))
            }
            Some(name) if !self.taken.insert(name.to_lowercase()) => {
                Some(format!("another prompt has the name `{name}`, too"))
            }
            Some(name) => return (name.clone(), None),
            None => None,
        };
        loop {
            let made = self.made(&prompt.prompt);
            if self.taken.insert(made.clone()) {
                return (made, why);
            }
        }
    }

    /// Makes a name of a prompt: `a-robotics-lab-1f0a6b3c`. A prompt that occurs twice has two.
    fn made(&mut self, prompt: &'p str) -> String {
        let is_kept = |c: char| c.is_ascii_alphanumeric();
        let words = prompt
            .split(|c| !is_kept(c))
            .filter(|word| !word.is_empty());
        let mut name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
        name.truncate(40);
        let name = name.trim_end_matches('-');
        let separator = if name.is_empty() { "" } else { "-" };
        let hash = Fnv1a::of(prompt.as_bytes()) & 0xffff_ffff;
        let times = self.times.entry(prompt).or_default();
        *times += 1;
        let suffix = if *times > 1 {
            format!("-{times}")
        } else {
            String::new()
        };
        format!("{name}{separator}{hash:08x}{suffix}")
    }
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
        .map(BakePrompt::new);
        let mut names = Names::default();
        let names = prompts.each_ref().map(|prompt| names.of(prompt));
        let names = names.map(|(name, invalid)| {
            assert_eq!(invalid, None);
            name
        });
        assert!(names[0].starts_with("a-robotics-lab-") && names[1].starts_with("a-robotics-lab-"));
        assert_eq!(names[2], format!("{}-2", names[1]));
        assert!(names[3].starts_with("k-se-x-"), "{}", names[3]);
        assert_eq!(names[4].len(), 8);
        assert_eq!(HashSet::from(names).len(), 5);
    }

    #[test]
    fn a_list_has_the_same_names_each_time_and_no_name_for_a_blank_prompt() {
        let prompts = ["a lab", " ", "a lab"].map(BakePrompt::new);
        let names = || BakePrompt::names(&prompts).into_iter();
        let shown = |name: Result<String, Error>| name.map_err(|error| error.to_string());
        let first: Vec<_> = names().map(shown).collect();
        assert_eq!(first, names().map(shown).collect::<Vec<_>>());
        let made = first[0].as_ref().unwrap();
        assert_eq!(first[1], Err("the prompt is blank".to_owned()));
        assert_eq!(first[2], Ok(format!("{made}-2")));
    }

    #[test]
    fn a_name_that_cannot_be_a_directory_or_occurs_twice_is_refused() {
        let mut names = Names::default();
        let prompts = [
            ("lab", None),
            ("Lab", Some("another prompt")),
            ("../lab", Some("not the name")),
            ("a/b", Some("not the name")),
            ("", Some("not the name")),
            (".", Some("not the name")),
            ("con", Some("not the name")),
            ("a\nb", Some("not the name")),
            ("käse 01", None),
        ];
        let prompts = prompts.map(|(name, why)| (BakePrompt::new("a lab").name(name), why));
        for (prompt, why) in &prompts {
            let (_, invalid) = names.of(prompt);
            let invalid = invalid.as_deref();
            let is_expected = why.map_or(invalid.is_none(), |why| {
                invalid.is_some_and(|invalid| invalid.contains(why))
            });
            assert!(is_expected, "{prompt:?}: {invalid:?}");
        }
    }
}
