//! Gives the test kit the folder that Cargo gives to tests.

fn main() {
    let out = std::env::var("OUT_DIR").expect("Cargo sets it");
    // OUT_DIR is `<target>/<profile>/build/<package>/out`.
    let target = std::path::Path::new(&out).ancestors().nth(4).expect("as Cargo makes it");
    println!("cargo:rustc-env=CARGO_TARGET_TMPDIR={}", target.join("tmp").display());
    println!("cargo:rerun-if-changed=build.rs");
}
