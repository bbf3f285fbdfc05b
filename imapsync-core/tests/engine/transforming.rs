//! Messages that are changed on their way, in memory and streamed.

use crate::world::*;
use imapsync_core::SyncOptions;
use imapsync_core::message::{MessageTransform, Scope};
use imapsync_core::testing::{Act, Stage};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Adds a field to the header.
struct Stamp;

impl MessageTransform for Stamp {
    fn name(&self) -> &str {
        "stamp"
    }
    fn scope(&self) -> Scope {
        Scope::Header
    }
    fn header(&self, header: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(Some([b"X-Stamp: yes\r\n", header].concat()))
    }
}

/// Writes every line twice: another length.
struct Twice;

impl MessageTransform for Twice {
    fn name(&self) -> &str {
        "twice"
    }
    fn scope(&self) -> Scope {
        Scope::Whole
    }
    fn whole(&self, input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
        let mut all = Vec::new();
        input.read_to_end(&mut all)?;
        if all.windows(6).any(|six| six == b"refuse") {
            return Err(io::Error::other("not this one"));
        }
        output.write_all(&twice(&all))
    }
}

/// The body twice, the header once.
fn twice(message: &[u8]) -> Vec<u8> {
    let body = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    [message, &message[body..]].concat()
}

fn options(transforms: Vec<Arc<dyn MessageTransform>>) -> SyncOptions {
    SyncOptions { transforms, ..small_memory() }
}

#[tokio::test(start_paused = true)]
async fn every_message_is_changed_whatever_its_size() {
    type Change = fn(&[u8]) -> Vec<u8>;
    let stamp: Change = |message| [b"X-Stamp: yes\r\n", message].concat();
    let both: Change = |message| twice(&[b"X-Stamp: yes\r\n", message].concat());
    let table: [(Vec<Arc<dyn MessageTransform>>, Change); 4] = [
        (vec![Arc::new(Stamp)], stamp),
        (vec![Arc::new(Twice)], twice),
        (vec![Arc::new(Stamp), Arc::new(Twice)], both),
        (vec![Arc::new(Twice), Arc::new(Stamp)], both),
    ];
    for capabilities in [MODERN, PLAIN] {
        for (transforms, change) in &table {
            let world = World::with(capabilities, 3);
            for (n, size) in [100_000, 500_000, 3000, 70_000].into_iter().enumerate() {
                world.source.mail().folder("INBOX").add(large(n, size), &[]);
            }
            world.source.mail().folder("INBOX").add(message("INBOX", 9), &[]);
            let report = world.run(options(transforms.clone())).await;
            assert!(report.is_success(), "{:?}", report.errors);
            let mut expected: Vec<_> = world.source.bodies("INBOX").iter().map(|body| change(body)).collect();
            expected.sort();
            assert!(world.destination.bodies("INBOX") == expected);
            assert_eq!(world.run(options(transforms.clone())).await.tally.copied, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transform_that_refuses_names_the_message() {
    for size in [2000, 100_000] {
        let world = World::with(MODERN, 3);
        let mut body = large(1, size);
        body.extend_from_slice(b"refuse\r\n");
        world.source.mail().folder("INBOX").add(body.as_slice(), &[]);
        world.source.mail().folder("INBOX").add(message("INBOX", 9), &[]);
        let report = world.run(options(vec![Arc::new(Twice)])).await;
        assert_eq!(named(&report), ["4 failed"]);
        assert!(report.errors[0].to_string().contains("not this one"), "{}", report.errors[0]);
        assert_eq!(world.destination.messages("INBOX").len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_spooled_message_survives_both_sides() {
    for (source, at) in [(true, 50), (false, 0), (false, 30_000), (false, 150_000)] {
        for capabilities in [MODERN, PLAIN] {
            let world = World::with(capabilities, 3);
            world.source.mail().folder("INBOX").add(large(1, 100_000), &[]);
            world.source.mail().folder("INBOX").add(message("INBOX", 9), &[]);
            if source {
                let cut = move || {
                    Act::EditAndClose(Box::new(move |mut bytes: Vec<u8>| {
                        bytes.truncate(bytes.len() * at / 100);
                        bytes
                    }))
                };
                world.source.hook(once(|call| call.line.contains("BODY.PEEK[]"), cut));
            } else {
                let lost = move |call: &imapsync_core::testing::Call<'_>| match call.stage {
                    Stage::Part(bytes) => bytes > at && at > 0,
                    Stage::Literal => at == 0 && call.nth == 4,
                    _ => false,
                };
                world.destination.hook(once(lost, || Act::Close));
            }
            let report = world.run(options(vec![Arc::new(Twice)])).await;
            assert!(report.is_success(), "{:?}", report.errors);
            let mut expected: Vec<_> = world.source.bodies("INBOX").iter().map(|body| twice(body)).collect();
            expected.sort();
            assert!(world.destination.bodies("INBOX") == expected, "{source} {at} {capabilities}");
        }
    }
}
