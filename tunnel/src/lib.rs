//! Sessions, links and streams of Adit's tunnel over their carriers.
