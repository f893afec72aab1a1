//! compatibility
