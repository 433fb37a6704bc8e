//! Policy variables and condition keys. They have the same names.

use std::borrow::Cow;

use super::Context;
use super::resource::topic_arn;

/// The most values of one field of a certificate, as AWS has it.
const MAX_VALUES: usize = 5;
/// The longest value, in bytes, as AWS has it for certificates. A longer one is not known.
const MAX_VALUE: usize = 1024;

/// Something that is known of a connection, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    ClientId,
    SourceIp,
    DomainName,
    ThingName,
    ThingTypeName,
    /// `iot:Connection.Thing.Attributes[name]`
    Attribute(String),
    IsAttached,
    /// One value of a certificate's field, counted from 0.
    Field(String, usize),
    /// All values of a certificate's field.
    Fields(String),
    /// The names of the fields that the certificate has.
    AvailableKeys,
    ConnectAttributes,
    LastWillTopic,
    /// The topic of a message to one client.
    Topic,
    /// Something of AWS's that no client of this server has.
    Foreign,
}

/// Fields of a distinguished name.
const NAMES: [&str; 13] = [
    "DistinguishedNameQualifier",
    "Country",
    "Organization",
    "OrganizationalUnit",
    "State",
    "CommonName",
    "SerialNumber",
    "Title",
    "Surname",
    "GivenName",
    "Initials",
    "Pseudonym",
    "GenerationQualifier",
];

/// Kinds of alternative name.
const ALTERNATIVES: [&str; 5] =
    ["RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress"];

impl Variable {
    /// The variable of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let simple = [
            ("iot:ClientId", Variable::ClientId),
            ("aws:SourceIp", Variable::SourceIp),
            ("iot:SourceIp", Variable::SourceIp),
            ("iot:DomainName", Variable::DomainName),
            ("iot:Connection.Thing.ThingName", Variable::ThingName),
            // AWS's own examples have it in this spelling, too.
            ("iot:Thing.ThingName", Variable::ThingName),
            ("iot:Connection.Thing.ThingTypeName", Variable::ThingTypeName),
            ("iot:Connection.Thing.IsAttached", Variable::IsAttached),
            ("iot:Certificate.AvailableKeys", Variable::AvailableKeys),
            ("iot:ConnectAttributes", Variable::ConnectAttributes),
            ("iot:LastWillTopic", Variable::LastWillTopic),
            ("iot:Topic", Variable::Topic),
            ("cognito-identity.amazonaws.com:sub", Variable::Foreign),
            ("cognito-identity.amazonaws.com:aud", Variable::Foreign),
            ("cognito-identity.amazonaws.com:amr", Variable::Foreign),
        ];
        let found = simple.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, variable)) = found {
            return Some(variable);
        }
        if let Some(field) = behind(name, "iot:Certificate.") {
            return of_certificate(field);
        }
        let attribute = behind(name, "iot:Connection.Thing.Attributes[")?.strip_suffix(']')?;
        (!attribute.is_empty()).then(|| Variable::Attribute(attribute.to_owned()))
    }

    /// Whether who connects could choose the value.
    pub fn is_the_clients_choice(&self) -> bool {
        match self {
            Variable::ClientId
            | Variable::DomainName
            | Variable::Field(..)
            | Variable::Fields(_)
            | Variable::AvailableKeys
            | Variable::ConnectAttributes
            | Variable::LastWillTopic
            | Variable::Topic => true,
            Variable::SourceIp
            | Variable::ThingName
            | Variable::ThingTypeName
            | Variable::Attribute(_)
            | Variable::IsAttached
            | Variable::Foreign => false,
        }
    }

    /// The value to fill in; `None`: not known.
    pub fn value<'a>(&self, context: &'a Context) -> Option<Cow<'a, str>> {
        let mut values = self.values(context)?.into_iter();
        // What has several values has none that could be filled in.
        let several = matches!(
            self,
            Variable::Fields(_) | Variable::AvailableKeys | Variable::ConnectAttributes
        );
        values.next().filter(|_| !several)
    }

    /// The values to compare with; `None`: not known.
    pub fn values<'a>(&self, context: &'a Context) -> Option<Vec<Cow<'a, str>>> {
        let thing = context.thing.as_ref();
        let one = |text: Option<&'a str>| Some(vec![Cow::Borrowed(text?)]);
        let values = match self {
            Variable::ClientId => one(context.client_id.as_deref()),
            Variable::SourceIp => {
                Some(vec![Cow::Owned(context.source?.to_canonical().to_string())])
            }
            Variable::DomainName => one(context.domain.as_deref()),
            Variable::ThingName => one(thing.map(|thing| thing.name.as_str())),
            Variable::ThingTypeName => one(thing.and_then(|thing| thing.type_name.as_deref())),
            Variable::Attribute(name) => {
                one(thing.and_then(|thing| thing.attributes.get(name)).map(String::as_str))
            }
            Variable::IsAttached => one(Some(if thing.is_some() { "true" } else { "false" })),
            Variable::Field(name, index) => {
                let values = context.certificate.get(name)?;
                one(values.iter().take(MAX_VALUES).nth(*index).map(String::as_str))
            }
            Variable::Fields(name) => {
                let values = context.certificate.get(name)?;
                Some(values.iter().take(MAX_VALUES).map(|value| Cow::Borrowed(&**value)).collect())
            }
            Variable::AvailableKeys => {
                let names = context.certificate.keys();
                Some(names.map(|name| Cow::Owned(format!("iot:Certificate.{name}"))).collect())
            }
            Variable::ConnectAttributes => {
                let connect = context.connect.as_ref()?;
                let persistent = connect.persistent.then_some("PersistentConnect");
                let will = connect.will_topic.is_some().then_some("LastWill");
                Some(persistent.into_iter().chain(will).map(Cow::Borrowed).collect())
            }
            Variable::LastWillTopic => {
                let topic = context.connect.as_ref()?.will_topic.as_ref()?;
                Some(vec![Cow::Owned(topic_arn(topic))])
            }
            Variable::Topic => one(context.topic.as_deref()),
            Variable::Foreign => None,
        };
        values.filter(|values| values.iter().all(|value| value.len() <= MAX_VALUE))
    }
}

/// What follows `prefix`, which may be in any case.
fn behind<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `SerialNumber`, `Subject.CommonName`, `Issuer.AlternativeName.DNSName.1`, `Subject.Country.List`.
fn of_certificate(name: &str) -> Option<Variable> {
    if name.eq_ignore_ascii_case("SerialNumber") {
        return Some(Variable::Field("SerialNumber".to_owned(), 0));
    }
    let (side, rest) = ["Subject", "Issuer"]
        .into_iter()
        .find_map(|side| behind(name, side)?.strip_prefix('.').map(|rest| (side, rest)))?;
    let (path, known, rest) = match behind(rest, "AlternativeName.") {
        Some(rest) => (format!("{side}.AlternativeName"), &ALTERNATIVES[..], rest),
        None => (side.to_owned(), &NAMES[..], rest),
    };
    let (field, which) = rest.split_once('.').map_or((rest, None), |(f, w)| (f, Some(w)));
    let field = known.iter().find(|known| known.eq_ignore_ascii_case(field))?;
    let path = format!("{path}.{field}");
    match which {
        None => Some(Variable::Field(path, 0)),
        Some(which) if which.eq_ignore_ascii_case("List") => Some(Variable::Fields(path)),
        Some(which) => Some(Variable::Field(path, which.parse().ok()?)),
    }
}
