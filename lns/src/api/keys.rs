//! A device's keys, in AWS's four groups.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::registry::Keys;

use super::ApiError;
use super::common::put;
use super::fields::{Fields, wrong};

/// The groups, of which a device has one.
const GROUPS: [&str; 4] = ["OtaaV1_0_x", "OtaaV1_1", "AbpV1_0_x", "AbpV1_1"];

/// Takes the one group of keys that a new device must have.
pub fn read(lorawan: &mut Fields) -> Result<Keys, ApiError> {
    let mut found = Vec::new();
    for group in GROUPS {
        if let Some(fields) = lorawan.object(group)? {
            found.push((group, fields));
        }
    }
    let one = found.pop().filter(|_| found.is_empty());
    let Some((group, mut fields)) = one else {
        let problem = format!("give the keys in exactly one of {}", GROUPS.join(", "));
        return Err(wrong(lorawan.place(), problem));
    };
    let keys = match group {
        "OtaaV1_0_x" => otaa_1_0(&mut fields)?,
        "OtaaV1_1" => Keys::Otaa11 {
            app_key: needed(&mut fields, "AppKey")?,
            nwk_key: needed(&mut fields, "NwkKey")?,
            join_eui: fields.read("JoinEui")?,
        },
        "AbpV1_0_x" => abp_1_0(&mut fields)?,
        _ => abp_1_1(&mut fields)?,
    };
    fields.finish()?;
    Ok(keys)
}

fn needed<T: FromStr<Err: Display>>(fields: &mut Fields, name: &str) -> Result<T, ApiError> {
    let value = fields.read(name)?;
    fields.required(name, value)
}

fn otaa_1_0(fields: &mut Fields) -> Result<Keys, ApiError> {
    let app_eui = fields.read("AppEui")?;
    let join_eui = fields.read("JoinEui")?;
    if app_eui.is_some() && join_eui.is_some() && app_eui != join_eui {
        let path = fields.path("JoinEui");
        return Err(wrong(
            &path,
            "it is another name for AppEui and must be the same, or left out",
        ));
    }
    let app_key = needed(fields, "AppKey")?;
    Ok(Keys::Otaa10 { app_key, app_eui, join_eui, gen_app_key: fields.read("GenAppKey")? })
}

fn session_keys(fields: &mut Fields) -> Result<Fields, ApiError> {
    let keys = fields.object("SessionKeys")?;
    fields.required("SessionKeys", keys)
}

fn f_cnt_start(fields: &mut Fields) -> Result<u32, ApiError> {
    Ok(fields.whole("FCntStart", 0..=65_535)?.unwrap_or(0))
}

fn abp_1_0(fields: &mut Fields) -> Result<Keys, ApiError> {
    let mut keys = session_keys(fields)?;
    let group = Keys::Abp10 {
        dev_addr: needed(fields, "DevAddr")?,
        nwk_s_key: needed(&mut keys, "NwkSKey")?,
        app_s_key: needed(&mut keys, "AppSKey")?,
        f_cnt_start: f_cnt_start(fields)?,
    };
    keys.finish()?;
    Ok(group)
}

fn abp_1_1(fields: &mut Fields) -> Result<Keys, ApiError> {
    let mut keys = session_keys(fields)?;
    let group = Keys::Abp11 {
        dev_addr: needed(fields, "DevAddr")?,
        f_nwk_s_int_key: needed(&mut keys, "FNwkSIntKey")?,
        s_nwk_s_int_key: needed(&mut keys, "SNwkSIntKey")?,
        nwk_s_enc_key: needed(&mut keys, "NwkSEncKey")?,
        app_s_key: needed(&mut keys, "AppSKey")?,
        f_cnt_start: f_cnt_start(fields)?,
    };
    keys.finish()?;
    Ok(group)
}

/// Takes a change of FCntStart, the only thing of the keys that AWS lets change.
pub fn read_change(lorawan: &mut Fields) -> Result<Option<(&'static str, u32)>, ApiError> {
    let mut change = None;
    for group in ["AbpV1_0_x", "AbpV1_1"] {
        let Some(mut fields) = lorawan.object(group)? else { continue };
        if let Some(start) = fields.whole("FCntStart", 0..=65_535)? {
            change = Some((group, start));
        }
        let left = fields.left().next().map(str::to_owned);
        if let Some(name) = left {
            let path = fields.path(&name);
            return Err(wrong(&path, "it cannot be changed; delete the device and create it anew"));
        }
    }
    for group in ["OtaaV1_0_x", "OtaaV1_1"] {
        if lorawan.take(group).is_some() {
            let path = lorawan.path(group);
            return Err(wrong(
                &path,
                "keys cannot be changed; delete the device and create it anew",
            ));
        }
    }
    Ok(change)
}

/// Sets FCntStart of a device whose keys are of this group.
pub fn set_f_cnt_start(keys: &mut Keys, (group, start): (&str, u32)) -> Result<(), String> {
    let name = keys.name();
    match keys {
        Keys::Abp10 { f_cnt_start, .. } | Keys::Abp11 { f_cnt_start, .. } if name == group => {
            *f_cnt_start = start;
            Ok(())
        }
        Keys::Abp10 { .. } | Keys::Abp11 { .. } | Keys::Otaa10 { .. } | Keys::Otaa11 { .. } => {
            Err(format!("LoRaWAN.{group}.FCntStart: the device's keys are {name}"))
        }
    }
}

/// Writes the group into AWS's `LoRaWAN` object, secrets included, as AWS does.
pub fn write(keys: &Keys, lorawan: &mut Map<String, Value>) {
    let mut group = Map::new();
    match keys {
        Keys::Otaa10 { app_key, app_eui, join_eui, gen_app_key } => {
            group.insert("AppKey".to_owned(), json!(app_key));
            put(&mut group, "AppEui", app_eui.map(|eui| eui.to_string()));
            put(&mut group, "JoinEui", join_eui.map(|eui| eui.to_string()));
            put(&mut group, "GenAppKey", gen_app_key.as_ref().map(|key| json!(key)));
        }
        Keys::Otaa11 { app_key, nwk_key, join_eui } => {
            group.insert("AppKey".to_owned(), json!(app_key));
            group.insert("NwkKey".to_owned(), json!(nwk_key));
            put(&mut group, "JoinEui", join_eui.map(|eui| eui.to_string()));
        }
        Keys::Abp10 { dev_addr, nwk_s_key, app_s_key, f_cnt_start } => {
            group.insert("DevAddr".to_owned(), json!(dev_addr));
            let keys = json!({ "NwkSKey": nwk_s_key, "AppSKey": app_s_key });
            group.insert("SessionKeys".to_owned(), keys);
            group.insert("FCntStart".to_owned(), json!(f_cnt_start));
        }
        Keys::Abp11 {
            dev_addr,
            f_nwk_s_int_key,
            s_nwk_s_int_key,
            nwk_s_enc_key,
            app_s_key,
            f_cnt_start,
        } => {
            group.insert("DevAddr".to_owned(), json!(dev_addr));
            let keys = json!({
                "FNwkSIntKey": f_nwk_s_int_key, "SNwkSIntKey": s_nwk_s_int_key,
                "NwkSEncKey": nwk_s_enc_key, "AppSKey": app_s_key,
            });
            group.insert("SessionKeys".to_owned(), keys);
            group.insert("FCntStart".to_owned(), json!(f_cnt_start));
        }
    }
    lorawan.insert(keys.name().to_owned(), group.into());
}
