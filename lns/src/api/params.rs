//! What stands in a request's path and query.

use std::convert::Infallible;
use std::fmt::Display;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ApiError;

/// The largest page, and the page for who names no size.
const MAX_RESULTS: usize = 250;

/// A label of the path: an identifier or a name, percent-decoded.
#[derive(Clone, Debug)]
pub struct Label(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Label {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(label)) if label.len() <= 256 => Ok(Self(label)),
            Ok(_) => Err(ApiError::validation("the identifier in the path is over 256 characters")),
            Err(error) => Err(ApiError::validation(format!("cannot read the path: {error}"))),
        }
    }
}

/// The parameters of a query, each taken once. Call [`finish`](Self::finish) when all are taken.
#[derive(Clone, Debug)]
pub struct Params(Result<Vec<(String, String)>, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self(query.map(|Query(pairs)| pairs).map_err(|error| error.to_string())))
    }
}

impl Params {
    /// Takes a parameter that may stand there once.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.take_all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(ApiError::validation(format!("{name}: the query has it more than once"))),
        }
    }

    /// Takes a parameter that may stand there several times.
    pub fn take_all(&mut self, name: &str) -> Vec<String> {
        let Ok(pairs) = &mut self.0 else { return Vec::new() };
        let (taken, left) = std::mem::take(pairs).into_iter().partition(|(key, _)| key == name);
        *pairs = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a parameter that must stand there.
    pub fn required(&mut self, name: &str) -> Result<String, ApiError> {
        let value = self.take(name)?;
        value.ok_or_else(|| ApiError::validation(format!("{name}: the query lacks it")))
    }

    /// Takes a parameter that is one of a few words.
    pub fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
        let Some(value) = self.take(name)? else { return Ok(None) };
        if words.contains(&value.as_str()) {
            return Ok(Some(value));
        }
        let cut: String = value.chars().take(64).collect();
        Err(ApiError::validation(format!("{name}: {cut:?} is none of {}", words.join(", "))))
    }

    /// Takes which page is wanted.
    pub fn page(&mut self) -> Result<Page, ApiError> {
        self.page_of(MAX_RESULTS)
    }

    /// Takes which page is wanted, in the words of iot's older operations. The order that they may
    /// ask for is always that of names.
    pub fn marked_page(&mut self) -> Result<Page, ApiError> {
        self.word("isAscendingOrder", &["true", "false"])?;
        self.page_called(("pageSize", "marker"), MAX_RESULTS)
    }

    /// Takes which page is wanted where one may have so many entries.
    pub fn page_of(&mut self, most: usize) -> Result<Page, ApiError> {
        self.page_called(("maxResults", "nextToken"), most)
    }

    fn page_called(&mut self, names: (&str, &'static str), most: usize) -> Result<Page, ApiError> {
        let size = match self.take(names.0)? {
            None => most.min(MAX_RESULTS),
            Some(text) => match text.parse::<usize>() {
                // AWS admits 0, and what it means by it can only be "you choose".
                Ok(0) => most.min(MAX_RESULTS),
                Ok(size) if size <= most => size,
                Ok(_) | Err(_) => {
                    let cut: String = text.chars().take(64).collect();
                    return Err(ApiError::validation(format!(
                        "{}: {cut:?} is not a whole number from 0 to {most}",
                        names.0
                    )));
                }
            },
        };
        let token_name = names.1;
        let open = |token: String| open(&token).ok_or_else(|| not_ours(token_name));
        let after = self.take(token_name)?.map(open).transpose()?;
        Ok(Page { size, after, token_name })
    }

    /// Complains about a parameter that nobody took.
    pub fn finish(self) -> Result<(), ApiError> {
        let pairs = self
            .0
            .map_err(|error| ApiError::validation(format!("cannot read the query: {error}")))?;
        let Some((name, _)) = pairs.first() else { return Ok(()) };
        let cut: String = name.chars().take(64).collect();
        Err(ApiError::validation(format!("{cut}: the query has no such parameter here")))
    }
}

/// A page of a list: so many, from behind a name on.
///
/// Lists are in the order of names, so a page stays where it is while records come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub size: usize,
    /// The name of the last record of the page before.
    pub after: Option<String>,
    /// How the request calls its token.
    pub token_name: &'static str,
}

impl Page {
    /// The token for the page behind `last`.
    pub fn token(last: &impl Display) -> String {
        URL_SAFE_NO_PAD.encode(format!("1:{last}"))
    }

    /// The name after which the page starts, as the key of a record.
    pub fn start<K>(&self, read: impl FnOnce(&str) -> Option<K>) -> Result<Option<K>, ApiError> {
        let Some(after) = &self.after else { return Ok(None) };
        read(after).map(Some).ok_or_else(|| not_ours(self.token_name))
    }
}

fn open(token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("1:").map(str::to_owned)
}

fn not_ours(name: &str) -> ApiError {
    ApiError::validation(format!("{name}: it is not one that this list gave; start without it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(Ok(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()))
    }

    #[test]
    fn a_token_leads_behind_the_last_record() {
        let token = Page::token(&"a-name");
        let page = params(&[("nextToken", &token), ("maxResults", "7")]).page().unwrap();
        assert_eq!(
            page,
            Page { size: 7, after: Some("a-name".to_owned()), token_name: "nextToken" }
        );
    }

    #[test]
    fn what_is_no_page_is_said() {
        for (name, value) in [("maxResults", "251"), ("maxResults", "x"), ("nextToken", "%%")] {
            let error = params(&[(name, value)]).page().unwrap_err();
            assert!(error.message.starts_with(name), "{error:?}");
        }
        assert!(params(&[("foo", "1")]).finish().is_err());
        assert!(params(&[("a", "1"), ("a", "2")]).take("a").is_err());
    }
}
