//! Matching by backtracking, where each step is counted.
//!
//! One stack holds where to go on when something fails, and what a place held before, so that going back undoes
//! everything. Steps and the height of the stack have limits: a text on which they are reached has neither a match nor
//! none. Compiles nothing; that does `program`.

use std::ops::Range;

use super::program::{Edge, Program, Set, Step};

/// How many steps one search may take: some 20 milliseconds of a worker's time. A step is about a byte that is looked
/// at, so ordinary expressions come to an end on the longest header fields.
pub(super) const STEPS_MAX: usize = 2_000_000;

/// How high the stack may grow: 2.4 MB, freed with the search.
const STACK_MAX: usize = 100_000;

/// A limit was reached.
#[derive(Debug)]
pub(in crate::base::regex) struct TooManySteps;

/// What to do when a step fails.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Go on there, from this position.
    Branch { step: usize, at: usize },
    /// Go on there, from the highest of these positions.
    Positions { step: usize, low: usize, high: usize },
    /// Put a place back to what it held.
    Place { place: usize, held: usize },
}

/// A place that holds nothing.
const NOTHING: usize = usize::MAX;

/// A search in one text.
struct Search<'s> {
    program: &'s Program,
    text: &'s [u8],
    stack: Vec<Entry>,
    /// The ends of the groups, and the registers behind them.
    places: Vec<usize>,
    steps: usize,
}

/// The leftmost match, and its groups.
pub(super) fn search(program: &Program, text: &[u8]) -> Result<Option<Vec<Option<Range<usize>>>>, TooManySteps> {
    let places = vec![NOTHING; 2 * program.groups + program.registers];
    let mut search = Search { program, text, stack: Vec::new(), places, steps: 0 };
    let last = if program.at_start { 0 } else { text.len() };
    for start in 0..=last {
        if let Some(first) = &program.first
            && !text.get(start).is_some_and(|byte| first.contains(*byte))
        {
            search.count(1)?;
            continue;
        }
        if search.matches_at(start)? {
            let groups = search.places.chunks_exact(2).take(program.groups);
            return Ok(Some(groups.map(range).collect()));
        }
    }
    Ok(None)
}

fn range(ends: &[usize]) -> Option<Range<usize>> {
    match *ends {
        [start, end] if start != NOTHING && end != NOTHING => Some(start.min(end)..end),
        _ => None,
    }
}

impl Search<'_> {
    fn count(&mut self, steps: usize) -> Result<(), TooManySteps> {
        self.steps += steps;
        if self.steps > STEPS_MAX { Err(TooManySteps) } else { Ok(()) }
    }

    fn matches_at(&mut self, start: usize) -> Result<bool, TooManySteps> {
        self.stack.clear();
        self.places.fill(NOTHING);
        self.places[0] = start;
        let mut next = Some((0, start));
        while let Some((step, at)) = next {
            self.count(1)?;
            if matches!(self.program.code.get(step), Some(Step::Match) | None) {
                self.places[1] = at;
                return Ok(true);
            }
            next = match self.step(step, at)? {
                Some(next) => Some(next),
                None => self.go_back(),
            };
        }
        Ok(false)
    }

    /// Takes a step; where to go on, or nothing if it fails.
    fn step(&mut self, step: usize, at: usize) -> Result<Option<(usize, usize)>, TooManySteps> {
        let next = step + 1;
        Ok(match self.program.code[step] {
            Step::Byte(byte) => (self.text.get(at) == Some(&byte)).then_some((next, at + 1)),
            Step::Set(set) => {
                let set = &self.program.sets[set];
                self.text.get(at).filter(|byte| set.contains(**byte)).map(|_| (next, at + 1))
            }
            Step::Run { set, min, max } => return self.run((set, min, max), next, at),
            Step::Try { here, there } => {
                self.push(Entry::Branch { step: there, at })?;
                Some((here, at))
            }
            Step::Goto(there) => Some((there, at)),
            Step::Save(place) => {
                self.set(place, at)?;
                Some((next, at))
            }
            Step::Return(place) => Some((next, self.places[place])),
            Step::Back(bytes) => at.checked_sub(bytes).map(|at| (next, at)),
            Step::Assert(edge) => self.holds(edge, at).then_some((next, at)),
            Step::Same { group, ignores_case } => return self.same(group, ignores_case, next, at),
            Step::Mark(place) => {
                // What undoes the mark itself lies below it.
                let held = self.places[place];
                self.push(Entry::Place { place, held })?;
                self.places[place] = self.stack.len();
                Some((next, at))
            }
            Step::Cut(place) => {
                self.cut(self.places[place])?;
                Some((next, at))
            }
            Step::Refuse(place) => {
                let height = self.places[place];
                self.count(self.stack.len().saturating_sub(height))?;
                while self.stack.len() > height {
                    self.undo();
                }
                None
            }
            Step::IfStill { place, there } => Some((if self.places[place] == at { there } else { next }, at)),
            Step::Unless { group, there } => {
                let has_matched = self.places.get(2 * group + 1).is_some_and(|end| *end != NOTHING);
                Some((if has_matched { next } else { there }, at))
            }
            Step::Match => None,
        })
    }

    fn run(
        &mut self,
        (set, min, max): (usize, usize, usize),
        next: usize,
        at: usize,
    ) -> Result<Option<(usize, usize)>, TooManySteps> {
        let set: &Set = &self.program.sets[set];
        let rest = &self.text[at.min(self.text.len())..];
        let count = rest.iter().take(max).take_while(|byte| set.contains(**byte)).count();
        self.count(count)?;
        if count < min {
            return Ok(None);
        }
        if count > min {
            self.push(Entry::Positions { step: next, low: at + min, high: at + count - 1 })?;
        }
        Ok(Some((next, at + count)))
    }

    fn same(
        &mut self,
        group: usize,
        ignores_case: bool,
        next: usize,
        at: usize,
    ) -> Result<Option<(usize, usize)>, TooManySteps> {
        let ends = self.places.get(2 * group..2 * group + 2).and_then(range);
        let text = self.text;
        // As in PCRE a group that has not matched fails.
        let Some(expected) = ends.and_then(|ends| text.get(ends)) else { return Ok(None) };
        self.count(expected.len())?;
        let fits = text.get(at..at + expected.len()).is_some_and(|found| match ignores_case {
            true => found.eq_ignore_ascii_case(expected),
            false => found == expected,
        });
        Ok(fits.then_some((next, at + expected.len())))
    }

    fn holds(&self, edge: Edge, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.text.get(before));
        let behind = self.text.get(at);
        let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match edge {
            Edge::TextStart => before.is_none(),
            Edge::TextEnd => behind.is_none(),
            Edge::LineStart => before.is_none_or(|byte| *byte == b'\n'),
            Edge::LineEnd => behind.is_none_or(|byte| *byte == b'\n'),
            Edge::Word => is_word(before) != is_word(behind),
            Edge::NotWord => is_word(before) == is_word(behind),
        }
    }

    fn push(&mut self, entry: Entry) -> Result<(), TooManySteps> {
        if self.stack.len() >= STACK_MAX {
            return Err(TooManySteps);
        }
        self.stack.push(entry);
        Ok(())
    }

    /// Sets a place, so that going back undoes it.
    fn set(&mut self, place: usize, value: usize) -> Result<(), TooManySteps> {
        let held = std::mem::replace(&mut self.places[place], value);
        if self.stack.is_empty() {
            return Ok(());
        }
        self.push(Entry::Place { place, held })
    }

    /// Takes the top of the stack away, and undoes it.
    fn undo(&mut self) {
        if let Some(Entry::Place { place, held }) = self.stack.pop() {
            self.places[place] = held;
        }
    }

    /// Forgets the branches above a height, and keeps what undoes places.
    fn cut(&mut self, height: usize) -> Result<(), TooManySteps> {
        self.count(self.stack.len().saturating_sub(height))?;
        let mut kept = height;
        for at in height..self.stack.len() {
            if matches!(self.stack[at], Entry::Place { .. }) {
                self.stack[kept] = self.stack[at];
                kept += 1;
            }
        }
        self.stack.truncate(kept);
        Ok(())
    }

    /// Goes back to the last branch: where to go on.
    fn go_back(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.stack.pop()? {
                Entry::Branch { step, at } => return Some((step, at)),
                Entry::Positions { step, low, high } => {
                    if high > low {
                        self.stack.push(Entry::Positions { step, low, high: high - 1 });
                    }
                    return Some((step, high));
                }
                Entry::Place { place, held } => self.places[place] = held,
            }
        }
    }
}
