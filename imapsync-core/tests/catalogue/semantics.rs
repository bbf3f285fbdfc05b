//! E. What FETCH, STORE, APPEND and EXPUNGE mean.
