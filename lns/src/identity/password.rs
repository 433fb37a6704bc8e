//! Passwords and tokens: hashed, compared in constant time, and not hashed again for everybody who
//! comes back.
//!
//! A password is hashed with Argon2id, which is meant to take long: some 20 ms and 19 MiB. So that a
//! thousand clients that come back after a restart do not take half a minute, what has been right
//! is remembered as a keyed hash, whose key is this process's own. So that strangers cannot take
//! all memory, few are hashed at once and few wait.

use std::collections::HashMap;
use std::net::IpAddr;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lns_lorawan::Timestamp;
use parking_lot::{Condvar, Mutex};
use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

use super::guess::Guesses;
use crate::entropy;

/// The longest password, in bytes: beyond it nothing is gained, and hashing takes longer.
pub const MAX_PASSWORD: usize = 1024;

/// How many right answers are remembered: about 15 MB. With more, all are forgotten and asked again.
const MOST_REMEMBERED: usize = 65_536;
/// How many passwords are hashed at once, 19 MiB each.
const AT_ONCE: usize = 4;
/// How many may wait for that: about a second's worth. More are asked to come back.
const WAITING: usize = 256;

/// What a token begins with.
const TOKEN: &str = "lns_";

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// It was not looked at: too many wrong ones came from there, or too much is under way.
    NotNow,
}

/// A new token.
pub struct NewToken {
    /// By which it is found and revoked.
    pub id: String,
    /// The whole token, for its user. The server forgets it.
    pub secret: String,
    /// What the server keeps.
    pub hash: String,
}

/// The hash that a password was right for, and the password's keyed hash.
type Remembered = (Box<str>, hmac::Tag);

/// Who looks at passwords.
pub struct Passwords {
    key: hmac::Key,
    /// By user.
    right: Mutex<HashMap<Box<str>, Remembered>>,
    guesses: Mutex<Guesses>,
    /// How many are hashed now, and how many wait.
    busy: Mutex<(usize, usize)>,
    free: Condvar,
    /// What strangers' passwords are compared with, so that nobody learns who is a user.
    nobody: String,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &entropy::bytes::<32>()),
            right: Mutex::default(),
            guesses: Mutex::default(),
            busy: Mutex::default(),
            free: Condvar::new(),
            nobody: hash(&entropy::bytes::<16>()),
        }
    }
}

/// The hash of a password to keep, in PHC's format.
///
/// # Panics
/// When the password is longer than Argon2 takes, which [`MAX_PASSWORD`] is far from.
pub fn hash(password: &[u8]) -> String {
    let salt = entropy::bytes::<16>();
    let hashed = Argon2::default().hash_password_with_salt(password, &salt);
    hashed.expect("a salt of 16 bytes and a short password are what Argon2 takes").to_string()
}

/// A new token: its id finds it, and 256 random bits prove it.
pub fn new_token() -> NewToken {
    let id = hex::encode(entropy::bytes::<8>());
    let secret = format!("{TOKEN}{id}_{}", URL_SAFE_NO_PAD.encode(entropy::bytes::<32>()));
    NewToken { hash: hash_token(&secret), id, secret }
}

/// The id in a token; `None`: it is none.
pub fn token_id(token: &[u8]) -> Option<&str> {
    let (id, secret) = std::str::from_utf8(token).ok()?.strip_prefix(TOKEN)?.split_once('_')?;
    (!secret.is_empty()).then_some(id)
}

/// Whether a token is the one with this hash.
pub fn is_token(token: &[u8], kept: &str) -> bool {
    let hash = hex::encode(digest::digest(&digest::SHA256, token));
    hash.as_bytes().ct_eq(kept.as_bytes()).into()
}

fn hash_token(token: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

impl Passwords {
    /// Whether `password` is the one with the hash `kept`; `None`: there is no such user, and it
    /// is wrong after the same time.
    pub fn check(
        &self,
        (user, kept): (&str, Option<&str>),
        password: &[u8],
        (source, now): (IpAddr, Timestamp),
    ) -> Verdict {
        let tag = self.tag(user, password);
        if kept.is_some_and(|kept| self.remembers(user, kept, &tag)) {
            return Verdict::Right;
        }
        if !self.guesses.lock().allows(source, user, now) {
            return Verdict::NotNow;
        }
        let verdict = self.hash_and_compare(kept.unwrap_or(&self.nobody), password);
        match (verdict, kept) {
            (Verdict::Right, Some(kept)) => {
                let mut right = self.right.lock();
                if right.len() >= MOST_REMEMBERED {
                    right.clear();
                }
                right.insert(user.into(), (kept.into(), tag));
                Verdict::Right
            }
            (Verdict::NotNow, _) => Verdict::NotNow,
            (Verdict::Right | Verdict::Wrong, _) => {
                self.guesses.lock().wrong(source, user, now);
                Verdict::Wrong
            }
        }
    }

    /// Whether somebody may try a token now.
    pub fn may_try(&self, source: IpAddr, user: &str, now: Timestamp) -> bool {
        self.guesses.lock().allows(source, user, now)
    }

    /// Remembers that somebody was wrong about a token.
    pub fn wrong(&self, source: IpAddr, user: &str, now: Timestamp) {
        self.guesses.lock().wrong(source, user, now);
    }

    fn tag(&self, user: &str, password: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password);
        context.sign()
    }

    fn remembers(&self, user: &str, kept: &str, tag: &hmac::Tag) -> bool {
        let right = self.right.lock();
        let Some((hash, remembered)) = right.get(user) else { return false };
        **hash == *kept && bool::from(remembered.as_ref().ct_eq(tag.as_ref()))
    }

    fn hash_and_compare(&self, kept: &str, password: &[u8]) -> Verdict {
        let Ok(parsed) = PasswordHash::new(kept) else { return Verdict::Wrong };
        if password.len() > MAX_PASSWORD {
            return Verdict::Wrong;
        }
        let mut busy = self.busy.lock();
        if busy.0 >= AT_ONCE {
            if busy.1 >= WAITING {
                return Verdict::NotNow;
            }
            busy.1 += 1;
            self.free.wait_while(&mut busy, |busy| busy.0 >= AT_ONCE);
            busy.1 -= 1;
        }
        busy.0 += 1;
        drop(busy);
        let right = Argon2::default().verify_password(password, &parsed).is_ok();
        self.busy.lock().0 -= 1;
        self.free.notify_one();
        if right { Verdict::Right } else { Verdict::Wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";

    fn at(seconds: i64) -> (IpAddr, Timestamp) {
        (HERE.parse().unwrap(), Timestamp::from_secs(seconds))
    }

    #[test]
    fn a_password_is_right_wrong_or_not_looked_at() {
        let passwords = Passwords::default();
        let kept = hash(b"secret");
        assert!(kept.starts_with("$argon2id$") && !kept.contains("secret"));
        assert_ne!(kept, hash(b"secret"), "salted");
        let ann = ("ann", Some(kept.as_str()));
        assert_eq!(passwords.check(ann, b"secret", at(0)), Verdict::Right);
        for _ in 0..10 {
            assert_eq!(passwords.check(ann, b"guess", at(0)), Verdict::Wrong);
        }
        assert_eq!(passwords.check(ann, b"guess", at(0)), Verdict::NotNow);
        // Who was right before is let in all the same, without hashing.
        assert_eq!(passwords.check(ann, b"secret", at(0)), Verdict::Right);
        // What was right before is not right for another hash.
        let other = hash(b"other");
        assert_eq!(passwords.check(("ann", Some(&other)), b"secret", at(60)), Verdict::Wrong);
        assert_eq!(passwords.check(("nobody", None), b"secret", at(0)), Verdict::Wrong);
        assert_eq!(passwords.check(("bob", Some(&kept)), &[7; 2000], at(0)), Verdict::Wrong);
    }

    #[test]
    fn a_token_proves_itself_and_no_other() {
        let [one, two] = [new_token(), new_token()];
        assert_eq!(token_id(one.secret.as_bytes()), Some(one.id.as_str()));
        assert!(is_token(one.secret.as_bytes(), &one.hash));
        assert!(!is_token(two.secret.as_bytes(), &one.hash));
        assert!(!one.hash.contains(&one.secret));
        for none in ["", "lns_", "lns_ab_", "secret", "lns_ab"] {
            assert_eq!(token_id(none.as_bytes()), None, "{none}");
        }
    }
}
