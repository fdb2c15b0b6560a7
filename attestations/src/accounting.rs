//! Compute accounting in integers: 6ND, chips x time x peak x utilisation, intervals rounded outward.
