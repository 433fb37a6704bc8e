//! `modu`, `datr`, `codr`: modulation as text, the same in `rxpk` and `txpk`.

use gateway_link::{CodingRate, Modulation};

use super::field::Field;

/// `modu` names none of LORA, FSK, LR-FHSS.
#[derive(Debug, PartialEq)]
pub enum ModulationFault {
    /// `modu` is unknown.
    Modu,
    /// `datr` does not fit `modu`.
    Datr,
    /// `codr` is unknown.
    Codr,
}

/// Modulation and coding rate from their three fields, and `hpw` of LR-FHSS.
pub fn parse(
    modu: &Field<'_>,
    datr: &Field<'_>,
    codr: &Field<'_>,
    hpw: &Field<'_>,
) -> Result<(Modulation, CodingRate), ModulationFault> {
    let name = modu.text().ok_or(ModulationFault::Modu)?;
    if name.eq_ignore_ascii_case("LORA") {
        let modulation = datr.text().and_then(lora).ok_or(ModulationFault::Datr)?;
        // LoRaWAN knows 4/5 only; a forwarder that leaves it out means that.
        return Ok((modulation, coding_rate(codr, CodingRate::Cr4_5)?));
    }
    if name.eq_ignore_ascii_case("FSK") {
        let bit_rate = datr.fits().filter(|&rate| rate > 0).ok_or(ModulationFault::Datr)?;
        return Ok((Modulation::Fsk { bit_rate }, coding_rate(codr, CodingRate::Off)?));
    }
    if name.eq_ignore_ascii_case("LR-FHSS") || name.eq_ignore_ascii_case("LRFHSS") {
        let ocw_hz = datr.text().and_then(channel_width).ok_or(ModulationFault::Datr)?;
        let modulation = Modulation::LrFhss { ocw_hz, grid_step: hpw.fits() };
        return Ok((modulation, coding_rate(codr, CodingRate::Off)?));
    }
    Err(ModulationFault::Modu)
}

fn coding_rate(codr: &Field<'_>, absent: CodingRate) -> Result<CodingRate, ModulationFault> {
    match codr {
        Field::Missing => Ok(absent),
        Field::Text(text) => text.trim().parse().map_err(|_| ModulationFault::Codr),
        Field::Bool(_) | Field::Unsigned(_) | Field::Signed(_) | Field::Float(_) | Field::Other => {
            Err(ModulationFault::Codr)
        }
    }
}

/// `SF7BW125`, any case.
fn lora(datr: &str) -> Option<Modulation> {
    let rest = strip_prefix(datr.trim(), "SF")?;
    let at = rest.find(['B', 'b'])?;
    let (spreading_factor, rest) = rest.split_at_checked(at)?;
    let spreading_factor: u8 = number(spreading_factor)?;
    let bandwidth_khz: u32 = number(strip_prefix(rest, "BW")?)?;
    let known = (5..=12).contains(&spreading_factor) && (1..=2000).contains(&bandwidth_khz);
    known.then_some(Modulation::Lora { spreading_factor, bandwidth_hz: bandwidth_khz * 1000 })
}

/// `M0CW137`: grid type and operating channel width in kHz.
fn channel_width(datr: &str) -> Option<u32> {
    let rest = strip_prefix(datr.trim(), "M")?;
    let (grid, width) = rest.split_at_checked(rest.find(['C', 'c'])?)?;
    let _: u8 = number(grid)?;
    let khz: u32 = number(strip_prefix(width, "CW")?)?;
    (1..=4000).contains(&khz).then_some(khz * 1000)
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

// `parse` alone would take a sign.
fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `modu` of a modulation.
pub fn modu(modulation: Modulation) -> &'static str {
    match modulation {
        Modulation::Lora { .. } => "LORA",
        Modulation::Fsk { .. } => "FSK",
        Modulation::LrFhss { .. } => "LR-FHSS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn text(value: &str) -> Field<'_> {
        Field::Text(Cow::Borrowed(value))
    }

    fn modulation(modu: &str, datr: Field<'_>) -> Option<Modulation> {
        parse(&text(modu), &datr, &Field::Missing, &Field::Missing).ok().map(|pair| pair.0)
    }

    #[test]
    fn data_rates_are_read() {
        let lora = |spreading_factor, khz: u32| {
            Some(Modulation::Lora { spreading_factor, bandwidth_hz: khz * 1000 })
        };
        let lr_fhss = Some(Modulation::LrFhss { ocw_hz: 137_000, grid_step: None });
        let table = [
            ("LORA", text("SF7BW125"), lora(7, 125)),
            ("LORA", text("SF12Bw125"), lora(12, 125)),
            ("lora", text("SF5BW812"), lora(5, 812)),
            ("LORA", text("SF4BW125"), None),
            ("LORA", text("SF+7BW125"), None),
            ("LORA", text("SF7"), None),
            ("LORA", text("SFéBW125"), None),
            ("LORA", Field::Unsigned(50_000), None),
            ("FSK", Field::Unsigned(50_000), Some(Modulation::Fsk { bit_rate: 50_000 })),
            ("FSK", text("50000"), Some(Modulation::Fsk { bit_rate: 50_000 })),
            ("FSK", text("SF7BW125"), None),
            ("LR-FHSS", text("M0CW137"), lr_fhss),
            ("LRFHSS", text("M0CW137"), lr_fhss),
            ("LR-FHSS", text("CW137"), None),
            ("MSK", text("SF7BW125"), None),
        ];
        for (modu, datr, expected) in table {
            assert_eq!(modulation(modu, datr.clone()), expected, "{modu} {datr:?}");
        }
    }
}
