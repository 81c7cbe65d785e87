//! Networks of internet addresses, and what each leads to: the longest one that an address belongs to decides.
//!
//! Two radix trees, for IPv4 and IPv6, in which a node stands only where networks part, so that a look-up visits at most
//! as many nodes as networks lie within each other, and never more than an address has bits. Built once, then only
//! read. Parses no text.

use std::net::IpAddr;

use ipnet::IpNet;

/// Network to `T`.
#[derive(Clone, Debug)]
pub struct Networks<T> {
    ipv4: Tree<u32, T>,
    ipv6: Tree<u128, T>,
}

/// The networks of one family.
#[derive(Clone, Debug)]
struct Tree<A, T> {
    nodes: Vec<Node<A, T>>,
    /// The number of the topmost node; `NONE` when there is none.
    top: u32,
}

/// A network, or a place where networks part.
#[derive(Clone, Debug)]
struct Node<A, T> {
    network: A,
    /// How many bits at the start belong to the network.
    length: u32,
    value: Option<T>,
    /// The numbers of the nodes whose next bit is 0, and 1; `NONE` where there is none.
    below: [u32; 2],
}

/// Where the number of a node stands.
#[derive(Clone, Copy)]
enum Link {
    Top,
    Below(usize, usize),
}

/// An address as a number.
trait Address: Copy {
    /// How many bits at the start are the same.
    fn common(self, other: Self) -> u32;
    /// Bit number `at`, the first being 0; 0 behind the last.
    fn bit(self, at: u32) -> usize;
}

impl Address for u32 {
    fn common(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }

    fn bit(self, at: u32) -> usize {
        usize::from(self.checked_shl(at).unwrap_or(0).leading_ones() > 0)
    }
}

impl Address for u128 {
    fn common(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }

    fn bit(self, at: u32) -> usize {
        usize::from(self.checked_shl(at).unwrap_or(0).leading_ones() > 0)
    }
}

impl<T> Networks<T> {
    /// Adds a network; bits behind it do not count. What the same network led to before is given back.
    pub fn insert(&mut self, network: IpNet, value: T) -> Option<T> {
        let length = u32::from(network.prefix_len());
        match network.network() {
            IpAddr::V4(address) => self.ipv4.insert(address.to_bits(), length, value),
            IpAddr::V6(address) => self.ipv6.insert(address.to_bits(), length, value),
        }
    }

    /// Takes away this very network, and gives back what it led to.
    pub fn remove(&mut self, network: IpNet) -> Option<T> {
        let length = u32::from(network.prefix_len());
        match network.network() {
            IpAddr::V4(address) => self.ipv4.remove(address.to_bits(), length),
            IpAddr::V6(address) => self.ipv6.remove(address.to_bits(), length),
        }
    }

    /// What the longest network with this address leads to. An IPv4-mapped IPv6 address is looked up as IPv4.
    pub fn find(&self, address: IpAddr) -> Option<&T> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.ipv4.find(address.to_bits()),
            IpAddr::V6(address) => self.ipv6.find(address.to_bits()),
        }
    }
}

impl<T> Default for Networks<T> {
    fn default() -> Self {
        Self { ipv4: Tree::default(), ipv6: Tree::default() }
    }
}

impl<A: Address, T> Tree<A, T> {
    fn insert(&mut self, network: A, length: u32, value: T) -> Option<T> {
        let mut link = Link::Top;
        loop {
            let at = self.number(link);
            let Some(node) = self.nodes.get_mut(at as usize) else {
                self.hang(link, Node { network, length, value: Some(value), below: [NONE; 2] });
                return None;
            };
            let common = node.network.common(network).min(node.length).min(length);
            if common < node.length {
                self.part(link, at, Node { network, length, value: Some(value), below: [NONE; 2] }, common);
                return None;
            }
            if length == node.length {
                return node.value.replace(value);
            }
            link = Link::Below(at as usize, network.bit(node.length));
        }
    }

    /// Puts a node where node `at` is, which it has `common` bits in common with, and that one below.
    fn part(&mut self, link: Link, at: u32, mut node: Node<A, T>, common: u32) {
        let side = self.nodes[at as usize].network.bit(common);
        if node.length == common {
            node.below[side] = at;
            self.hang(link, node);
            return;
        }
        let mut fork = Node { network: node.network, length: common, value: None, below: [NONE; 2] };
        fork.below[side] = at;
        let fork = self.hang(link, fork);
        self.hang(Link::Below(fork as usize, 1 - side), node);
    }

    fn remove(&mut self, network: A, length: u32) -> Option<T> {
        let mut at = self.top;
        while let Some(node) = self.nodes.get_mut(at as usize) {
            if node.length > length || node.network.common(network) < node.length {
                return None;
            }
            if node.length == length {
                return node.value.take();
            }
            at = node.below[network.bit(node.length)];
        }
        None
    }

    fn find(&self, address: A) -> Option<&T> {
        let mut longest = None;
        let mut at = self.top;
        while let Some(node) = self.nodes.get(at as usize) {
            if node.network.common(address) < node.length {
                break;
            }
            longest = node.value.as_ref().or(longest);
            at = node.below[address.bit(node.length)];
        }
        longest
    }

    fn number(&self, link: Link) -> u32 {
        match link {
            Link::Top => self.top,
            Link::Below(node, side) => self.nodes[node].below[side],
        }
    }

    /// Adds a node, and writes its number where it belongs.
    fn hang(&mut self, link: Link, node: Node<A, T>) -> u32 {
        let number = u32::try_from(self.nodes.len()).expect("so many nodes take more than 80 gigabytes");
        self.nodes.push(node);
        match link {
            Link::Top => self.top = number,
            Link::Below(node, side) => self.nodes[node].below[side] = number,
        }
        number
    }
}

impl<A, T> Default for Tree<A, T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), top: NONE }
    }
}

/// The number that no node has.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    use super::*;

    /// Networks that lead to their own text.
    fn networks(text: &str) -> Networks<&str> {
        let mut networks = Networks::default();
        for word in text.split_whitespace() {
            assert_eq!(networks.insert(word.parse().unwrap(), word), None, "{word}");
        }
        networks
    }

    fn found<'t>(networks: &Networks<&'t str>, address: &str) -> Option<&'t str> {
        networks.find(address.parse().unwrap()).copied()
    }

    #[test]
    fn the_longest_network_decides() {
        let networks = networks("10.1.0.0/16 10.0.0.0/8 10.1.2.3/32 10.1.2.0/24 192.168.0.0/17");
        let cases = [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.4", Some("10.1.2.0/24")),
            ("10.1.3.4", Some("10.1.0.0/16")),
            ("10.2.3.4", Some("10.0.0.0/8")),
            ("11.0.0.0", None),
            ("192.168.127.255", Some("192.168.0.0/17")),
            ("192.168.128.0", None),
            ("::1", None),
        ];
        for (address, expected) in cases {
            assert_eq!(found(&networks, address), expected, "{address}");
        }
    }

    #[test]
    fn the_families_do_not_mix_but_for_mapped_addresses() {
        let networks = networks("0.0.0.0/0 ::/0 2001:db8::/32 ::ffff:10.0.0.0/104");
        assert_eq!(found(&networks, "2001:db8::1"), Some("2001:db8::/32"));
        assert_eq!(found(&networks, "2001:db9::1"), Some("::/0"));
        assert_eq!(found(&networks, "::ffff:10.0.0.1"), Some("0.0.0.0/0"));
    }

    #[test]
    fn the_same_network_is_replaced() {
        let mut networks = networks("10.0.0.0/8");
        assert_eq!(networks.insert("10.9.9.9/8".parse().unwrap(), "new"), Some("10.0.0.0/8"));
        assert_eq!(found(&networks, "10.0.0.1"), Some("new"));
    }

    #[test]
    fn a_network_that_is_taken_away_leaves_those_around_and_within_it() {
        let mut networks = networks("0.0.0.0/0 10.0.0.0/8 10.1.0.0/16");
        assert_eq!(networks.remove("10.0.0.0/9".parse().unwrap()), None);
        assert_eq!(networks.remove("10.0.0.0/8".parse().unwrap()), Some("10.0.0.0/8"));
        assert_eq!(networks.remove("10.0.0.0/8".parse().unwrap()), None);
        assert_eq!(found(&networks, "10.2.0.0"), Some("0.0.0.0/0"));
        assert_eq!(found(&networks, "10.1.0.0"), Some("10.1.0.0/16"));
        assert_eq!(networks.insert("10.0.0.0/8".parse().unwrap(), "again"), None);
        assert_eq!(found(&networks, "10.2.0.0"), Some("again"));
    }

    #[test]
    fn there_are_at_most_two_nodes_for_a_network() {
        let mut networks = Networks::default();
        for number in 0..10_000_u128 {
            let address = Ipv6Addr::from_bits(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
            networks.insert(Ipv6Net::new(address, 128).unwrap().into(), number);
        }
        assert!(networks.ipv6.nodes.len() < 20_000);
    }

    /// Few different bits, so that networks lie within each other and meet.
    fn any_network() -> impl Strategy<Value = IpNet> {
        let ipv4 = (0..8_u32, 0..=32_u8).prop_map(|(bits, length)| {
            IpNet::from(Ipv4Net::new(Ipv4Addr::from_bits(bits << 29 | bits), length).unwrap()).trunc()
        });
        let ipv6 = (0..8_u128, 0..=128_u8).prop_map(|(bits, length)| {
            IpNet::from(Ipv6Net::new(Ipv6Addr::from_bits(bits << 125 | bits), length).unwrap()).trunc()
        });
        prop_oneof![ipv4, ipv6]
    }

    proptest! {
        #[test]
        fn a_look_up_finds_what_going_through_all_would(
            steps in prop::collection::vec((any_network(), any::<bool>()), 0..64),
            looked_up in any_network(),
        ) {
            let mut networks = Networks::default();
            let mut all: Vec<(IpNet, usize)> = Vec::new();
            for (number, (network, adds)) in steps.into_iter().enumerate() {
                let known = all.iter().position(|(known, _)| *known == network).map(|at| all.swap_remove(at).1);
                if adds {
                    prop_assert_eq!(networks.insert(network, number), known);
                    all.push((network, number));
                } else {
                    prop_assert_eq!(networks.remove(network), known);
                }
            }
            let address = looked_up.addr();
            let longest = all.iter().filter(|(network, _)| network.contains(&address));
            let longest = longest.max_by_key(|(network, _)| network.prefix_len()).map(|(_, number)| number);
            prop_assert_eq!(networks.find(address), longest);
        }
    }
}
