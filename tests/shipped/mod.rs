//! What is shipped is served and checked: examples, the default configuration, the pages.
