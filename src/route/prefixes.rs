//! A radix tree over bytes: the exact path and the longest prefix of a path, found in one walk.
//!
//! `locations` has one for each level of nesting. It leads to indices and knows nothing of what they mean.

/// The tree. The path to a node is the labels from the root to it.
#[derive(Clone, Debug)]
pub(super) struct PrefixTree {
    /// The root, which has no label, is the first.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    label: Box<[u8]>,
    ends: Ends,
    /// The children, each with the first byte of its label, in the order of those.
    children: Vec<(u8, u32)>,
}

/// What ends at a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    /// For the path to the node alone.
    pub(super) exact: Option<usize>,
    /// For all paths that begin with the path to the node.
    pub(super) prefix: Option<usize>,
}

/// What a walk along a path came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// An exact entry.
    Exact(usize),
    /// An entry for the path with a slash at its end that redirects, and none for the path itself.
    LacksSlash(usize),
    /// The longest prefix.
    Prefix(usize),
    /// No entry.
    Nothing,
}

impl PrefixTree {
    /// What ends at `path`, to be set; the nodes it takes are made.
    pub(super) fn insert(&mut self, path: &[u8]) -> &mut Ends {
        let mut node = ROOT;
        let mut rest = path;
        while let Some(&first) = rest.first() {
            let child = match self.nodes[node].position(first) {
                Ok(position) => self.split(node, position, rest),
                Err(position) => self.add_leaf(node, position, rest),
            };
            rest = &rest[self.nodes[child].label.len()..];
            node = child;
        }
        &mut self.nodes[node].ends
    }

    /// Gives back the room for nodes that do not come any more.
    pub(super) fn shrink_to_fit(&mut self) {
        self.nodes.shrink_to_fit();
        for node in &mut self.nodes {
            node.children.shrink_to_fit();
        }
    }

    /// What ends at `path`, if any node does.
    pub(super) fn get(&self, path: &[u8]) -> Option<Ends> {
        let (node, rest) = self.descend(path, |_| {});
        rest.is_empty().then_some(node.ends)
    }

    /// Walks along `path` once. `redirects` tells which entries want paths that lack only their slash.
    pub(super) fn walk(&self, path: &[u8], redirects: impl Fn(usize) -> bool) -> Walk {
        let mut longest = None;
        let (last, rest) = self.descend(path, |ends| longest = ends.prefix.or(longest));
        if rest.is_empty() {
            match last.ends {
                Ends { exact: Some(index), .. } => return Walk::Exact(index),
                Ends { prefix: Some(index), .. } => return Walk::Prefix(index),
                Ends { .. } => {}
            }
        }
        if let Some(Ends { exact, prefix }) = self.with_slash(last, rest) {
            let wanted = exact.is_some_and(&redirects) || prefix.is_some_and(&redirects);
            if let Some(index) = exact.or(prefix).filter(|_| wanted) {
                return Walk::LacksSlash(index);
            }
        }
        longest.map_or(Walk::Nothing, Walk::Prefix)
    }

    /// Goes down as far as whole labels match; shows each node on the way, and gives the last and what is left.
    fn descend<'p>(&self, path: &'p [u8], mut show: impl FnMut(&Ends)) -> (&Node, &'p [u8]) {
        let mut node = &self.nodes[ROOT];
        let mut rest = path;
        show(&node.ends);
        while let Some(&first) = rest.first() {
            let Some(child) = self.child(node, first) else {
                break;
            };
            let Some(after) = rest.strip_prefix(&*child.label) else {
                break;
            };
            node = child;
            rest = after;
            show(&node.ends);
        }
        (node, rest)
    }

    /// What ends one slash behind `rest` below `node`.
    fn with_slash(&self, node: &Node, rest: &[u8]) -> Option<Ends> {
        let child = self.child(node, rest.first().copied().unwrap_or(b'/'))?;
        let label = child.label.strip_suffix(b"/")?;
        (label == rest).then_some(child.ends)
    }

    fn child(&self, node: &Node, first: u8) -> Option<&Node> {
        let position = node.position(first).ok()?;
        Some(&self.nodes[node.children[position].1 as usize])
    }

    /// Gives the child at `position` cut to what its label has in common with `rest`; the remainder goes below it.
    fn split(&mut self, parent: usize, position: usize, rest: &[u8]) -> usize {
        let (first, child) = self.nodes[parent].children[position];
        let child = child as usize;
        let label = &self.nodes[child].label;
        let common = label.iter().zip(rest).take_while(|(a, b)| a == b).count();
        if common == label.len() {
            return child;
        }
        let (upper, lower) = label.split_at(common);
        let children = vec![(lower[0], number(child))];
        let node = Node { label: upper.into(), ends: Ends::default(), children };
        self.nodes[child].label = lower.into();
        let index = self.nodes.len();
        self.nodes.push(node);
        self.nodes[parent].children[position] = (first, number(index));
        index
    }

    fn add_leaf(&mut self, parent: usize, position: usize, label: &[u8]) -> usize {
        let index = self.nodes.len();
        self.nodes.push(Node { label: label.into(), ..Node::default() });
        self.nodes[parent].children.insert(position, (label[0], number(index)));
        index
    }
}

impl Node {
    /// Where the child is whose label begins with this byte, or where it would be.
    fn position(&self, first: u8) -> Result<usize, usize> {
        self.children.binary_search_by_key(&first, |(first, _)| *first)
    }
}

/// Small, for there are very many nodes. A text of more locations than fit is not read.
fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a configuration has less than four billion bytes")
}

impl Default for PrefixTree {
    fn default() -> Self {
        PrefixTree { nodes: vec![Node::default()] }
    }
}

const ROOT: usize = 0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(exact: &[&str], prefixes: &[&str]) -> PrefixTree {
        let mut tree = PrefixTree::default();
        for (index, path) in exact.iter().enumerate() {
            tree.insert(path.as_bytes()).exact = Some(index);
        }
        for (index, path) in prefixes.iter().enumerate() {
            tree.insert(path.as_bytes()).prefix = Some(index);
        }
        tree
    }

    #[test]
    fn the_longest_prefix_is_found() {
        let tree = tree(&[], &["/", "/images/", "/images/small/", "/im"]);
        for (path, index) in [("/", 0), ("/x", 0), ("/image", 3), ("/images/a", 1), ("/images/small/", 2)] {
            assert_eq!(tree.walk(path.as_bytes(), |_| false), Walk::Prefix(index), "{path}");
        }
        assert_eq!(tree.walk(b"", |_| false), Walk::Nothing);
    }

    #[test]
    fn an_exact_path_needs_all_of_it() {
        let tree = tree(&["/a", "/ab"], &["/"]);
        assert_eq!(tree.walk(b"/a", |_| false), Walk::Exact(0));
        assert_eq!(tree.walk(b"/ab", |_| false), Walk::Exact(1));
        assert_eq!(tree.walk(b"/abc", |_| false), Walk::Prefix(0));
    }

    #[test]
    fn a_path_that_lacks_its_slash_is_told_apart() {
        let tree = tree(&[], &["/user/", "/", "/user/x/", "/us/er"]);
        assert_eq!(tree.walk(b"/user", |index| index == 0), Walk::LacksSlash(0));
        assert_eq!(tree.walk(b"/user/x", |index| index == 2), Walk::LacksSlash(2));
        assert_eq!(tree.walk(b"/user", |_| false), Walk::Prefix(1));
        assert_eq!(tree.walk(b"/use", |_| true), Walk::Prefix(1));
        assert_eq!(tree.walk(b"", |_| true), Walk::LacksSlash(1));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list(
            exact in prop::collection::hash_set("[ab/]{0,5}", 0..8),
            prefixes in prop::collection::hash_set("[ab/]{0,5}", 0..8),
            path in "[ab/]{0,7}",
        ) {
            let exact: Vec<&str> = exact.iter().map(|path| &**path).collect();
            let prefixes: Vec<&str> = prefixes.iter().map(|path| &**path).collect();
            let longest = (0..prefixes.len())
                .filter(|&index| path.starts_with(prefixes[index]))
                .max_by_key(|&index| prefixes[index].len());
            let expected = match exact.iter().position(|own| *own == path) {
                Some(index) => Walk::Exact(index),
                None => longest.map_or(Walk::Nothing, Walk::Prefix),
            };
            prop_assert_eq!(tree(&exact, &prefixes).walk(path.as_bytes(), |_| false), expected);
        }
    }
}
