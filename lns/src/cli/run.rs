//! The flags of `run`, which other commands that need the configuration share.

use std::path::PathBuf;

use clap::Args;
use lns_lorawan::Region;

use crate::config::{Config, ConfigProblem, Overrides};

/// Where the configuration is, and what of it is overridden.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// The configuration file (see deploy/lns.example.toml).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder with everything that must survive a restart [default: ./lns-data].
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// The region of gateways and profiles that do not name one [default: EU868].
    #[arg(long)]
    pub region: Option<String>,
    /// The sub-band of US915, AU915 or CN470; 0 is all channels [default: 2; in CN470 11].
    #[arg(long, value_name = "N")]
    pub sub_band: Option<String>,
    /// The NetID, in hexadecimal [default: 000000].
    #[arg(long, value_name = "HEX")]
    pub net_id: Option<String>,
    /// Where Semtech's UDP protocol is heard [default: 0.0.0.0:1700].
    #[arg(long, value_name = "ADDR")]
    pub semtech_udp: Option<String>,
    /// Where the embedded MQTT broker listens [default: 127.0.0.1:1883].
    #[arg(long, value_name = "ADDR")]
    pub mqtt: Option<String>,
    /// Where the API is [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// Another MQTT broker instead of the embedded one.
    #[arg(long, value_name = "URL")]
    pub broker_url: Option<String>,
}

impl RunArgs {
    /// The configuration that these flags, the environment and the file make.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(&self) -> Result<Config, Vec<ConfigProblem>> {
        self.load_with(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    fn load_with(
        &self,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, Vec<ConfigProblem>> {
        Config::load(self.config.as_deref(), env, self.overrides())
    }

    /// Whose sub-band `--sub-band` is: that of `--region`, else US915's.
    fn sub_band_key(&self) -> &'static str {
        let region = self.region.as_deref().and_then(|name| name.parse().ok());
        if region == Some(Region::Au915) {
            "region.au915.sub_band"
        } else if region == Some(Region::Cn470) {
            "region.cn470.sub_band"
        } else {
            "region.us915.sub_band"
        }
    }

    fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        let flags = [
            ("--data", "server.data_dir", &self.data),
            ("--region", "server.region", &self.region),
            ("--sub-band", self.sub_band_key(), &self.sub_band),
            ("--net-id", "server.net_id", &self.net_id),
            ("--semtech-udp", "gateway.semtech_udp", &self.semtech_udp),
            ("--mqtt", "mqtt.listen", &self.mqtt),
            ("--http", "http.listen", &self.http),
            ("--broker-url", "mqtt.broker_url", &self.broker_url),
        ];
        for (flag, key, text) in flags {
            overrides.set(flag, key, text.clone());
        }
        overrides
    }
}

/// Runs the server until the process is told to end.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    crate::app::run(&args.load().map_err(problems_as_one)?)
}

/// All problems as one error of several lines.
pub(super) fn problems_as_one(problems: Vec<ConfigProblem>) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::Error::msg(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_reaches_its_key() {
        let text = |text: &str| Some(text.to_owned());
        let args = RunArgs {
            config: None,
            data: text("elsewhere"),
            region: text("us915"),
            sub_band: text("7"),
            net_id: text("000013"),
            semtech_udp: text("[::]:1701"),
            mqtt: text("off"),
            http: text("127.0.0.1:81"),
            broker_url: text("mqtt://b"),
        };
        let config = args.load_with(std::iter::empty()).unwrap();
        assert_eq!(config.server.data_dir, PathBuf::from("elsewhere"));
        assert_eq!(config.server.region.name(), "US915");
        assert_eq!(config.region.us915.sub_band.number(), Some(7));
        assert_eq!(config.server.net_id.value(), 0x13);
        assert_eq!(config.gateway.semtech_udp.to_string(), "[::]:1701");
        assert_eq!(config.mqtt.listen.to_string(), "off");
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:81");
        assert_eq!(config.mqtt.broker_url.unwrap().to_string(), "mqtt://b:1883");
    }

    #[test]
    fn a_wrong_flag_is_named() {
        let args = RunArgs { sub_band: Some("9".to_owned()), ..RunArgs::default() };
        let problems = args.load_with(std::iter::empty()).unwrap_err();
        assert_eq!(
            problems_as_one(problems).to_string(),
            "flag --sub-band: region.us915.sub_band = \"9\": it must be from 1 to 8, or 0"
        );
    }
}
