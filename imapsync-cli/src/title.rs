//! The title of the process: what `ps` shows to everybody on the machine holds no secret.

use crate::options::Values;

/// Takes the secrets out of the command line: the process starts itself anew with them in its environment, which only
/// its owner can read. Returns where there are none, or where that is not possible.
#[cfg(unix)]
pub(crate) fn hide(values: &Values) {
    use std::os::unix::process::CommandExt;
    let (false, Ok(program)) = (values.secrets.is_empty(), std::env::current_exe()) else { return };
    let mut again = std::process::Command::new(program);
    if let Some(typed) = std::env::args_os().next() {
        again.arg0(typed);
    }
    again.args(&values.masked);
    for (option, secret) in &values.secrets {
        let variable = format!("IMAPSYNC_{}", option.to_uppercase());
        // What the environment has counts more than an option.
        if std::env::var_os(&variable).is_none() {
            again.env(variable, secret);
        }
    }
    // Comes back only where it fails; then all is as it was.
    let _ = again.exec();
}

/// Other systems show the command line to its owner alone.
#[cfg(not(unix))]
pub(crate) fn hide(_: &Values) {}
