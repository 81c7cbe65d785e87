//! The connection: requests as bytes, pipelining, framing, limits, clients that behave badly.
