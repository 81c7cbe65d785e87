//! The process as those see it who start it, watch over it, replace it and end it.

mod notify;
