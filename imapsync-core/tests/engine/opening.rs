//! A login that is refused in the middle of a run; the fault catalogue has the others.

use crate::world::*;
use imapsync_core::ErrorKind;
use imapsync_core::testing::{Act, Stage};

#[tokio::test(start_paused = true)]
async fn a_login_that_is_refused_after_a_loss_ends_the_run() {
    let world = World::with(MODERN, 5);
    world.destination.hook(once(|call| call.stage == Stage::Literal && call.nth == 3, || Act::Close));
    let no = say("{tag} NO [AUTHENTICATIONFAILED] no\r\n");
    world.destination.hook(times(99, |call| call.is("LOGIN") && call.connection > 1, no));
    let report = world.sync().await;
    assert_eq!(report.stopped.as_ref().unwrap().kind(), ErrorKind::Authentication);
    assert_eq!(world.destination.count("LOGIN"), 2);
}
