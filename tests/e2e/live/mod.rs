//! Commands to a running engine about what it holds, serves and gives: `query`, `app deploy`, `tap`.

mod deploy;
mod query;
mod shop;
mod tap;
