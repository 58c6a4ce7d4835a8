//! What is made from `proto/`: messages, the service's trait, its client, and
//! what reflection tells. A test holds it equal to what would be made now, and
//! makes it anew where `CHATTERBOX_TEST_GENERATE` is set.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "made by tonic-prost-build"
)]

include!("generated/chatterbox.chat.v1.rs");

/// The protocol as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/chatterbox.chat.v1.bin");

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use protox::Compiler;

    const PROTO: &str = "chatterbox/chat/v1/chat.proto";

    #[test]
    fn what_is_generated_is_what_the_protocol_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut compiler = Compiler::new([root.join("proto")]).unwrap();
        compiler.include_imports(true).open_file(PROTO).unwrap();
        let descriptors = compiler.encode_file_descriptor_set();
        let documented = compiler.include_source_info(true).file_descriptor_set();
        let made = tempfile::tempdir().unwrap();
        let builder = tonic_prost_build::configure().out_dir(made.path());
        builder.emit_rerun_if_changed(false).compile_fds(documented).unwrap();
        let code = fs::read(made.path().join("chatterbox.chat.v1.rs")).unwrap();
        let generated = root.join("src/api/grpc/generated");
        for (name, made) in
            [("chatterbox.chat.v1.rs", code), ("chatterbox.chat.v1.bin", descriptors)]
        {
            let path = generated.join(name);
            if std::env::var_os("CHATTERBOX_TEST_GENERATE").is_some() {
                fs::write(&path, &made).unwrap();
            }
            assert!(
                fs::read(&path).unwrap() == made,
                "{name} is not what the protocol says: run this test with CHATTERBOX_TEST_GENERATE=1"
            );
        }
    }
}
