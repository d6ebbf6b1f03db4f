//! What the embedded store keeps when power, disk or process fail.
//!
//! `ADIT_SOAK=1` tries 1,000 losses of power instead of 100.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failure {
    mod backup;
    mod damage;
    mod full;
    mod kill;
    mod lock;
    mod medium;
    mod power;
    mod restart;
    mod witness;
}
