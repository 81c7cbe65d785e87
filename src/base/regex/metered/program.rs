//! What a backtracking expression is compiled to, of the tree that `fancy-regex` parses.
//!
//! Single bytes, sets of bytes and runs of them; branches, groups, look-around, back-references and conditions. What
//! is left out (look-behind of no fixed length, Unicode) is left to `fancy-regex`. Matches nothing; that does `run`.

use fancy_regex::{Assertion, AstNode, CaptureGroupTarget, Expr, LookAround};

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) code: Vec<Step>,
    pub(super) sets: Vec<Set>,
    /// How many groups there are, the whole match counted.
    pub(super) groups: usize,
    /// Places behind those of the groups, for positions and heights of the stack.
    pub(super) registers: usize,
    /// What a match begins with; none where it may be empty.
    pub(super) first: Option<Set>,
    /// It matches at the beginning of a text alone.
    pub(super) at_start: bool,
}

/// Bytes, each in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set(Box<[bool; 256]>);

/// One step; a step that does not say where it goes on goes on with the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// This byte.
    Byte(u8),
    /// A byte of this set.
    Set(usize),
    /// As many bytes of a set as there are, at least and at most so many; fewer on the way back.
    Run {
        set: usize,
        min: usize,
        max: usize,
    },
    /// Goes on here, and if that fails there.
    Try {
        here: usize,
        there: usize,
    },
    Goto(usize),
    /// Keeps the position in a place.
    Save(usize),
    /// Goes back to the position in a place.
    Return(usize),
    /// Goes back so many bytes.
    Back(usize),
    /// Nothing, if the assertion holds.
    Assert(Edge),
    /// What a group has matched.
    Same {
        group: usize,
        ignores_case: bool,
    },
    /// Keeps the height of the stack in a place.
    Mark(usize),
    /// Forgets the branches since the mark.
    Cut(usize),
    /// Undoes everything since the mark, and fails.
    Refuse(usize),
    /// Goes there, if the position is the one in a place.
    IfStill {
        place: usize,
        there: usize,
    },
    /// Goes there, unless the group has matched.
    Unless {
        group: usize,
        there: usize,
    },
    Match,
}

/// Where an assertion holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    Word,
    NotWord,
}

impl Set {
    fn new(contains: impl Fn(u8) -> bool) -> Self {
        let mut set = Box::new([false; 256]);
        for byte in 0..=u8::MAX {
            set[usize::from(byte)] = contains(byte);
        }
        Self(set)
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(own, other)| *own |= other);
    }
}

/// Compiles an expression in the syntax of `fancy-regex`, over bytes; none where it holds something that is left out.
pub(super) fn compile(text: &str, case_insensitive: bool, steps_max: usize) -> Option<Program> {
    let text = if case_insensitive { format!("(?i){text}") } else { text.to_owned() };
    // Without flags: bytes, not characters.
    let tree = Expr::parse_tree_with_flags(&text, 0).ok()?;
    let groups = 1 + count_groups(&tree.expr);
    let program = Program { code: Vec::new(), sets: Vec::new(), groups, registers: 0, first: None, at_start: false };
    let mut compiler = Compiler { program, next_group: 1, steps_max };
    compiler.expression(&tree.expr)?;
    compiler.add(Step::Match)?;
    let mut first = Set::new(|_| false);
    let may_be_empty = begin(&tree.expr, &mut first)?;
    compiler.program.first = (!may_be_empty).then_some(first);
    compiler.program.at_start = is_at_start(&tree.expr);
    Some(compiler.program)
}

struct Compiler {
    program: Program,
    next_group: usize,
    steps_max: usize,
}

impl Compiler {
    fn add(&mut self, step: Step) -> Option<usize> {
        let at = self.program.code.len();
        if at >= self.steps_max {
            return None;
        }
        self.program.code.push(step);
        Some(at)
    }

    /// The number of the next step.
    fn here(&self) -> usize {
        self.program.code.len()
    }

    /// A new place behind the groups.
    fn register(&mut self) -> usize {
        self.program.registers += 1;
        2 * self.program.groups + self.program.registers - 1
    }

    fn set(&mut self, set: Set) -> usize {
        let known = self.program.sets.iter().position(|known| *known == set);
        known.unwrap_or_else(|| {
            self.program.sets.push(set);
            self.program.sets.len() - 1
        })
    }

    fn expression(&mut self, expression: &Expr) -> Option<()> {
        match expression {
            Expr::Empty => {}
            Expr::Literal { .. } | Expr::LiteralBytes { .. } => self.literal(expression)?,
            Expr::Any { .. } | Expr::Delegate { .. } => {
                let set = self.set(single(expression)?);
                self.add(Step::Set(set))?;
            }
            Expr::Assertion(assertion) => drop(self.add(Step::Assert(edge(assertion)?))?),
            Expr::Concat(parts) => parts.iter().try_for_each(|part| self.expression(part))?,
            Expr::Alt(branches) => self.alternatives(branches, |this, branch| this.expression(branch))?,
            Expr::Group(inner) => self.group(inner)?,
            Expr::AstNode(AstNode::AstGroup { inner, .. }, _) => self.group(inner)?,
            Expr::AstNode(AstNode::Backref { target, casei, relative_recursion_level: None }, _) => {
                let group = number(target)?;
                self.add(Step::Same { group, ignores_case: *casei })?;
            }
            Expr::Backref { group, casei } => drop(self.add(Step::Same { group: *group, ignores_case: *casei })?),
            Expr::AtomicGroup(inner) => {
                let mark = self.register();
                self.add(Step::Mark(mark))?;
                self.expression(inner)?;
                self.add(Step::Cut(mark))?;
            }
            Expr::LookAround(inner, kind) => self.look_around(inner, *kind)?,
            Expr::Repeat { child, lo, hi, greedy } => self.repeat(child, *lo, *hi, *greedy)?,
            Expr::KeepOut => drop(self.add(Step::Save(0))?),
            Expr::Conditional { condition, true_branch, false_branch } => {
                let group = condition_group(condition)?;
                let unless = self.add(Step::Unless { group, there: 0 })?;
                self.expression(true_branch)?;
                let end = self.add(Step::Goto(0))?;
                self.program.code[unless] = Step::Unless { group, there: self.here() };
                self.expression(false_branch)?;
                self.program.code[end] = Step::Goto(self.here());
            }
            _ => return None,
        }
        Some(())
    }

    fn literal(&mut self, literal: &Expr) -> Option<()> {
        let (bytes, ignores_case) = bytes(literal)?;
        for byte in bytes {
            let step = match ignores_case && byte.is_ascii_alphabetic() {
                true => Step::Set(self.set(Set::new(|other| other.eq_ignore_ascii_case(byte)))),
                false => Step::Byte(*byte),
            };
            self.add(step)?;
        }
        Some(())
    }

    fn group(&mut self, inner: &Expr) -> Option<()> {
        let group = self.next_group;
        self.next_group += 1;
        self.add(Step::Save(2 * group))?;
        self.expression(inner)?;
        self.add(Step::Save(2 * group + 1))?;
        Some(())
    }

    fn alternatives(&mut self, branches: &[Expr], each: impl Fn(&mut Self, &Expr) -> Option<()>) -> Option<()> {
        let mut ends = Vec::new();
        for (number, branch) in branches.iter().enumerate() {
            let is_last = number + 1 == branches.len();
            let split = if is_last { None } else { Some(self.add(Step::Goto(0))?) };
            each(self, branch)?;
            let Some(split) = split else { continue };
            ends.push(self.add(Step::Goto(0))?);
            self.program.code[split] = Step::Try { here: split + 1, there: self.here() };
        }
        for end in ends {
            self.program.code[end] = Step::Goto(self.here());
        }
        Some(())
    }

    fn look_around(&mut self, inner: &Expr, kind: LookAround) -> Option<()> {
        let mark = self.register();
        self.add(Step::Mark(mark))?;
        let is_behind = matches!(kind, LookAround::LookBehind | LookAround::LookBehindNeg);
        let body = |this: &mut Self| match (is_behind, inner) {
            (false, _) => this.expression(inner),
            // As in PCRE each branch has a length of its own.
            (true, Expr::Alt(branches)) => this.alternatives(branches, Self::behind),
            (true, _) => this.behind(inner),
        };
        if matches!(kind, LookAround::LookAhead | LookAround::LookBehind) {
            let position = self.register();
            self.add(Step::Save(position))?;
            body(self)?;
            self.add(Step::Cut(mark))?;
            self.add(Step::Return(position))?;
        } else {
            let split = self.add(Step::Goto(0))?;
            body(self)?;
            self.add(Step::Refuse(mark))?;
            self.program.code[split] = Step::Try { here: split + 1, there: self.here() };
        }
        Some(())
    }

    fn behind(&mut self, inner: &Expr) -> Option<()> {
        self.add(Step::Back(length(inner)?))?;
        self.expression(inner)
    }

    fn repeat(&mut self, child: &Expr, min: usize, max: usize, greedy: bool) -> Option<()> {
        if let (true, Some(set)) = (greedy, single(child)) {
            let set = self.set(set);
            self.add(Step::Run { set, min, max })?;
            return Some(());
        }
        let first_group = self.next_group;
        for _ in 0..min {
            self.next_group = first_group;
            self.expression(child)?;
        }
        let mut splits = Vec::new();
        if max == usize::MAX {
            self.next_group = first_group;
            let start = self.add(Step::Goto(0))?;
            splits.push(start);
            let position = self.register();
            self.add(Step::Save(position))?;
            self.expression(child)?;
            let still = self.add(Step::Goto(0))?;
            self.add(Step::Goto(start))?;
            self.program.code[still] = Step::IfStill { place: position, there: self.here() };
        } else {
            for _ in min..max {
                self.next_group = first_group;
                splits.push(self.add(Step::Goto(0))?);
                self.expression(child)?;
            }
        }
        if min == 0 && max == 0 {
            self.next_group += count_groups(child);
        }
        let end = self.here();
        for split in splits {
            let (here, there) = if greedy { (split + 1, end) } else { (end, split + 1) };
            self.program.code[split] = Step::Try { here, there };
        }
        Some(())
    }
}

/// The bytes of a literal, and whether their case does not count.
fn bytes(literal: &Expr) -> Option<(&[u8], bool)> {
    match literal {
        Expr::Literal { val, casei } => Some((val.as_bytes(), *casei)),
        Expr::LiteralBytes { bytes } => Some((bytes, false)),
        _ => None,
    }
}

/// The set of an expression that matches one byte.
fn single(expression: &Expr) -> Option<Set> {
    match expression {
        Expr::Any { newline, crlf: false } => Some(Set::new(|byte| *newline || byte != b'\n')),
        Expr::Delegate { inner, casei } => {
            let regex = ::regex::bytes::RegexBuilder::new(&format!(r"\A(?:{inner})\z"))
                .unicode(false)
                .case_insensitive(*casei)
                .build()
                .ok()?;
            Some(Set::new(|byte| regex.is_match(&[byte])))
        }
        Expr::Literal { .. } | Expr::LiteralBytes { .. } => match bytes(expression)? {
            ([byte], true) => Some(Set::new(|other| other.eq_ignore_ascii_case(byte))),
            ([byte], false) => Some(Set::new(|other| other == *byte)),
            _ => None,
        },
        _ => None,
    }
}

/// How many bytes an expression matches, if that is one number.
fn length(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Empty | Expr::Assertion(_) | Expr::LookAround(..) => Some(0),
        Expr::Any { .. } | Expr::Delegate { .. } => Some(1),
        Expr::Literal { .. } | Expr::LiteralBytes { .. } => Some(bytes(expression)?.0.len()),
        Expr::Concat(parts) => parts.iter().map(length).sum(),
        Expr::Alt(branches) => {
            let first = length(branches.first()?)?;
            branches.iter().all(|branch| length(branch) == Some(first)).then_some(first)
        }
        Expr::Group(inner) => length(inner),
        Expr::AtomicGroup(inner) | Expr::AstNode(AstNode::AstGroup { inner, .. }, _) => length(inner),
        Expr::Repeat { child, lo, hi, .. } if lo == hi => length(child)?.checked_mul(*lo),
        _ => None,
    }
}

fn edge(assertion: &Assertion) -> Option<Edge> {
    Some(match assertion {
        Assertion::StartText => Edge::TextStart,
        Assertion::EndText => Edge::TextEnd,
        Assertion::StartLine { crlf: false } => Edge::LineStart,
        Assertion::EndLine { crlf: false } => Edge::LineEnd,
        Assertion::WordBoundary => Edge::Word,
        Assertion::NotWordBoundary => Edge::NotWord,
        _ => return None,
    })
}

fn number(target: &CaptureGroupTarget) -> Option<usize> {
    match target {
        CaptureGroupTarget::ByNumber(number) => Some(*number),
        _ => None,
    }
}

fn condition_group(condition: &Expr) -> Option<usize> {
    match condition {
        Expr::BackrefExistsCondition { group, relative_recursion_level: None } => Some(*group),
        Expr::AstNode(AstNode::BackrefExistsCondition { target, relative_recursion_level: None }, _) => number(target),
        _ => None,
    }
}

/// The expressions in an expression.
fn children(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::AstNode(AstNode::AstGroup { inner, .. }, _) => vec![inner],
        _ if expression.is_leaf_node() => Vec::new(),
        _ => expression.children_iter().collect(),
    }
}

fn count_groups(expression: &Expr) -> usize {
    let own = matches!(expression, Expr::Group(_) | Expr::AstNode(AstNode::AstGroup { .. }, _));
    usize::from(own) + children(expression).into_iter().map(count_groups).sum::<usize>()
}

/// Adds what an expression may begin with; whether it may match nothing. None where that is not known.
fn begin(expression: &Expr, first: &mut Set) -> Option<bool> {
    Some(match expression {
        Expr::Literal { .. } | Expr::LiteralBytes { .. } => {
            let (bytes, ignores_case) = bytes(expression)?;
            let Some(byte) = bytes.first() else { return Some(true) };
            first.add(&Set::new(|other| other == *byte || ignores_case && other.eq_ignore_ascii_case(byte)));
            false
        }
        Expr::Any { .. } | Expr::Delegate { .. } => {
            first.add(&single(expression)?);
            false
        }
        Expr::Concat(parts) => {
            for part in parts {
                if !begin(part, first)? {
                    return Some(false);
                }
            }
            true
        }
        Expr::Alt(branches) => {
            let mut may_be_empty = false;
            for branch in branches {
                may_be_empty |= begin(branch, first)?;
            }
            may_be_empty
        }
        Expr::Group(inner) => begin(inner, first)?,
        Expr::AtomicGroup(inner) | Expr::AstNode(AstNode::AstGroup { inner, .. }, _) => begin(inner, first)?,
        Expr::Repeat { child, lo, .. } => begin(child, first)? || *lo == 0,
        Expr::Empty | Expr::Assertion(_) | Expr::LookAround(..) | Expr::KeepOut => true,
        // A group that has matched, or a condition: anything may come.
        _ => {
            first.add(&Set::new(|_| true));
            true
        }
    })
}

/// Whether an expression matches at the beginning of a text alone.
fn is_at_start(expression: &Expr) -> bool {
    match expression {
        Expr::Assertion(Assertion::StartText) => true,
        Expr::Concat(parts) => {
            let mut parts = parts.iter().skip_while(|part| matches!(part, Expr::LookAround(..) | Expr::Empty));
            parts.next().is_some_and(is_at_start)
        }
        Expr::Alt(branches) => branches.iter().all(is_at_start),
        Expr::Group(inner) => is_at_start(inner),
        Expr::AtomicGroup(inner) | Expr::AstNode(AstNode::AstGroup { inner, .. }, _) => is_at_start(inner),
        _ => false,
    }
}
