//! From one exercise to another.

use super::Session;
use crate::{
    exercise::Exercise, failure::LabError, progress::Progress, syllabus::EXERCISES,
    watch::saves::Saves,
};

impl Session<'_> {
    /// The exercise to which `n` goes: the first behind this one that is not done, of those that were named, or else of
    /// the course; then one that was left out.
    pub(super) fn next(&self) -> Option<&'static Exercise> {
        let progress = Progress::load(&self.root).unwrap_or_default();
        let is_open =
            |one: &&'static Exercise| one.name != self.current.name && !progress.is_done(one);
        let first_of = |exercises: &[&'static Exercise]| {
            let place = exercises
                .iter()
                .position(|one| one.name == self.current.name);
            let (before, behind) = exercises.split_at(place.unwrap_or(0));
            let mut all = behind.iter().chain(before).copied();
            all.find(is_open)
        };
        first_of(&self.named).or_else(|| first_of(EXERCISES))
    }

    pub(super) fn go_on(&mut self) -> Result<(), LabError> {
        let Some(next) = self.next() else {
            return self.refuse("All other exercises are done.");
        };
        self.left.push(self.current);
        self.go_to(next)
    }

    /// Goes to the exercise that `n` has left last, or else to the one before this one.
    pub(super) fn go_back(&mut self) -> Result<(), LabError> {
        let exercises = match self.named.is_empty() {
            true => EXERCISES,
            false => &self.named,
        };
        let is_current = |one: &&Exercise| one.name == self.current.name;
        let place = exercises.iter().position(is_current).unwrap_or(0);
        let before = exercises[..place].last().copied();
        match self.left.pop().or(before) {
            Some(exercise) => self.go_to(exercise),
            None => self.refuse("This is the first exercise."),
        }
    }

    /// Says why a key does nothing.
    fn refuse(&mut self, why: &str) -> Result<(), LabError> {
        self.word = Some(why.to_owned());
        match self.running {
            Some(_) => Ok(()),
            None => self.show_keys(),
        }
    }

    /// Goes to another exercise, and names the one that stays unfinished.
    fn go_to(&mut self, next: &'static Exercise) -> Result<(), LabError> {
        let old = self.current;
        let progress = Progress::load(&self.root).unwrap_or_default();
        self.stop();
        if !self.named.iter().any(|one| one.name == next.name) {
            self.named.clear();
            self.saves = Saves::begin(&self.root, vec![next])?;
        }
        self.current = next;
        self.later = (!progress.is_done(old)).then(|| {
            let (points, all) = (progress.points(old), old.points());
            format!(
                "{} stays unfinished, with {points} of {all} points.",
                old.name
            )
        });
        self.check()
    }
}
