//! Tests of the whole product against real peers.
