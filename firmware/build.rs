//! Links an image for a board by esp-hal's script, which wants to be last. A PC needs nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_BOARD").is_some() {
        println!("cargo::rustc-link-arg-bin=board=-Tlinkall.x");
    }
}
