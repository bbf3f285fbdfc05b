//! Lines that are compressed (COMPRESS=DEFLATE), and servers that do not do it after all.

use crate::world::*;
use imapsync_core::Compression;
use imapsync_core::testing::Act;

#[tokio::test(start_paused = true)]
async fn compressed_lines_carry_the_same_in_fewer_bytes() {
    const DEFLATE: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MULTIAPPEND COMPRESS=DEFLATE";
    let moved = async |compression| {
        let mut world = World::with(DEFLATE, 200);
        world.source.mail().folder("INBOX").add(large(1, 3_000_000), &[]);
        world.account.compression = compression;
        world.assert_copied(&world.sync().await);
        let moved = world.gauge.moved();
        world.assert_settled().await;
        moved
    };
    let (never, always) = (moved(Compression::Never).await, moved(Compression::Always).await);
    assert!(always < never / 3, "{always} bytes in place of {never}");
    assert_eq!(never, moved(Compression::Auto).await, "a fast line is left alone");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_compress_after_all_is_read_as_it_is() {
    let mut world = World::with("IMAP4rev1 COMPRESS=DEFLATE", 20);
    world.account.compression = Compression::Always;
    for server in [&world.source, &world.destination] {
        server.hook(times(9, |call| call.is("COMPRESS"), || Act::Say("{tag} NO not today\r\n".into())));
    }
    world.assert_copied(&world.sync().await);
}
