//! Countries of ISO 3166-1 (249 entries), found by either code.
//!
//! OpenRTB asks for alpha-3 in `geo.country`; many senders write alpha-2, and `UK` for `GB`. All are
//! accepted, in any letter case. Anything else is no country.

/// A country that ISO 3166-1 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// Two capital letters: `ES`.
    pub alpha2: &'static str,
    /// Three capital letters: `ESP`.
    pub alpha3: &'static str,
}

impl Country {
    /// The country with this alpha-3 or alpha-2 code, or `UK`; in any letter case. Costs a binary search in
    /// 249 entries, or one look-up; allocates nothing.
    #[must_use]
    pub fn find(code: &str) -> Option<Country> {
        match *code.as_bytes() {
            [a, b, c] => {
                let alpha3 = [a, b, c].map(|letter| letter.to_ascii_uppercase());
                let row = ROWS.binary_search_by(|row| row.as_bytes()[..3].cmp(&alpha3)).ok()?;
                Some(Country::of_row(row))
            }
            [a, b] => match [a, b].map(|letter| letter.to_ascii_uppercase()) {
                [b'U', b'K'] => Country::find("GB"),
                [a, b] => {
                    let row = BY_ALPHA2[alpha2_slot(a, b)?];
                    (row != NO_ROW).then(|| Country::of_row(usize::from(row)))
                }
            },
            _ => None,
        }
    }

    /// How much advertisers pay for the country's traffic, as the ads models were trained: 1 for Spain,
    /// France, Germany, Italy, the United Kingdom and the United States; 2 for Portugal, the Netherlands,
    /// Belgium, Switzerland, Austria and Sweden; 3 for all others.
    #[must_use]
    pub fn tier(self) -> i64 {
        match self.alpha2 {
            "ES" | "FR" | "DE" | "IT" | "GB" | "US" => 1,
            "PT" | "NL" | "BE" | "CH" | "AT" | "SE" => 2,
            _ => TIER_OTHERS,
        }
    }

    fn of_row(row: usize) -> Country {
        let (alpha3, alpha2) = ROWS[row].split_at(3);
        Country { alpha2, alpha3 }
    }
}

/// The tier of a country without one of its own, and of no country at all.
pub const TIER_OTHERS: i64 = 3;

const LETTERS: usize = 26;
const NO_ROW: u8 = u8::MAX;

/// Row of [`ROWS`] by alpha-2 code.
static BY_ALPHA2: [u8; LETTERS * LETTERS] = index_by_alpha2();

const fn index_by_alpha2() -> [u8; LETTERS * LETTERS] {
    assert!(ROWS.len() <= NO_ROW as usize, "a row number must fit in a byte beside the mark for none");
    let mut index = [NO_ROW; LETTERS * LETTERS];
    let mut row: u8 = 0;
    while (row as usize) < ROWS.len() {
        let code = ROWS[row as usize].as_bytes();
        assert!(code.len() == 5, "a row is alpha-3 and alpha-2");
        let slot = alpha2_slot(code[3], code[4]).expect("an alpha-2 code is two capital letters");
        assert!(index[slot] == NO_ROW, "an alpha-2 code stands once");
        index[slot] = row;
        row += 1;
    }
    index
}

const fn alpha2_slot(first: u8, second: u8) -> Option<usize> {
    if first.is_ascii_uppercase() && second.is_ascii_uppercase() {
        Some((first - b'A') as usize * LETTERS + (second - b'A') as usize)
    } else {
        None
    }
}

/// Alpha-3 code, then alpha-2 code; sorted by alpha-3 for the binary search.
#[rustfmt::skip]
static ROWS: [&str; 249] = [
    "ABWAW", "AFGAF", "AGOAO", "AIAAI", "ALAAX", "ALBAL", "ANDAD", "AREAE", "ARGAR", "ARMAM", "ASMAS",
    "ATAAQ", "ATFTF", "ATGAG", "AUSAU", "AUTAT", "AZEAZ", "BDIBI", "BELBE", "BENBJ", "BESBQ", "BFABF",
    "BGDBD", "BGRBG", "BHRBH", "BHSBS", "BIHBA", "BLMBL", "BLRBY", "BLZBZ", "BMUBM", "BOLBO", "BRABR",
    "BRBBB", "BRNBN", "BTNBT", "BVTBV", "BWABW", "CAFCF", "CANCA", "CCKCC", "CHECH", "CHLCL", "CHNCN",
    "CIVCI", "CMRCM", "CODCD", "COGCG", "COKCK", "COLCO", "COMKM", "CPVCV", "CRICR", "CUBCU", "CUWCW",
    "CXRCX", "CYMKY", "CYPCY", "CZECZ", "DEUDE", "DJIDJ", "DMADM", "DNKDK", "DOMDO", "DZADZ", "ECUEC",
    "EGYEG", "ERIER", "ESHEH", "ESPES", "ESTEE", "ETHET", "FINFI", "FJIFJ", "FLKFK", "FRAFR", "FROFO",
    "FSMFM", "GABGA", "GBRGB", "GEOGE", "GGYGG", "GHAGH", "GIBGI", "GINGN", "GLPGP", "GMBGM", "GNBGW",
    "GNQGQ", "GRCGR", "GRDGD", "GRLGL", "GTMGT", "GUFGF", "GUMGU", "GUYGY", "HKGHK", "HMDHM", "HNDHN",
    "HRVHR", "HTIHT", "HUNHU", "IDNID", "IMNIM", "INDIN", "IOTIO", "IRLIE", "IRNIR", "IRQIQ", "ISLIS",
    "ISRIL", "ITAIT", "JAMJM", "JEYJE", "JORJO", "JPNJP", "KAZKZ", "KENKE", "KGZKG", "KHMKH", "KIRKI",
    "KNAKN", "KORKR", "KWTKW", "LAOLA", "LBNLB", "LBRLR", "LBYLY", "LCALC", "LIELI", "LKALK", "LSOLS",
    "LTULT", "LUXLU", "LVALV", "MACMO", "MAFMF", "MARMA", "MCOMC", "MDAMD", "MDGMG", "MDVMV", "MEXMX",
    "MHLMH", "MKDMK", "MLIML", "MLTMT", "MMRMM", "MNEME", "MNGMN", "MNPMP", "MOZMZ", "MRTMR", "MSRMS",
    "MTQMQ", "MUSMU", "MWIMW", "MYSMY", "MYTYT", "NAMNA", "NCLNC", "NERNE", "NFKNF", "NGANG", "NICNI",
    "NIUNU", "NLDNL", "NORNO", "NPLNP", "NRUNR", "NZLNZ", "OMNOM", "PAKPK", "PANPA", "PCNPN", "PERPE",
    "PHLPH", "PLWPW", "PNGPG", "POLPL", "PRIPR", "PRKKP", "PRTPT", "PRYPY", "PSEPS", "PYFPF", "QATQA",
    "REURE", "ROURO", "RUSRU", "RWARW", "SAUSA", "SDNSD", "SENSN", "SGPSG", "SGSGS", "SHNSH", "SJMSJ",
    "SLBSB", "SLESL", "SLVSV", "SMRSM", "SOMSO", "SPMPM", "SRBRS", "SSDSS", "STPST", "SURSR", "SVKSK",
    "SVNSI", "SWESE", "SWZSZ", "SXMSX", "SYCSC", "SYRSY", "TCATC", "TCDTD", "TGOTG", "THATH", "TJKTJ",
    "TKLTK", "TKMTM", "TLSTL", "TONTO", "TTOTT", "TUNTN", "TURTR", "TUVTV", "TWNTW", "TZATZ", "UGAUG",
    "UKRUA", "UMIUM", "URYUY", "USAUS", "UZBUZ", "VATVA", "VCTVC", "VENVE", "VGBVG", "VIRVI", "VNMVN",
    "VUTVU", "WLFWF", "WSMWS", "YEMYE", "ZAFZA", "ZMBZM", "ZWEZW",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_for_the_binary_search() {
        assert!(ROWS.is_sorted());
    }

    #[test]
    fn every_row_is_found_by_both_codes_in_any_case() {
        for row in 0..ROWS.len() {
            let country = Country::of_row(row);
            for code in [country.alpha2.to_owned(), country.alpha3.to_owned(), country.alpha3.to_lowercase()]
            {
                assert_eq!(Country::find(&code), Some(country), "{code}");
            }
        }
    }

    #[test]
    fn other_text_is_no_country() {
        for code in ["", "E", "EU", "XX", "TST", "E1", "Spain", "España", "ñ", "ñE", "\u{0}\u{0}", "724"] {
            assert_eq!(Country::find(code), None, "{code}");
        }
    }

    #[test]
    fn the_codes_that_alpha3_does_not_start_with_are_right() {
        for (alpha3, alpha2) in
            [("GBR", "GB"), ("PRT", "PT"), ("SWE", "SE"), ("CHE", "CH"), ("AUT", "AT"), ("DEU", "DE")]
        {
            assert_eq!(Country::find(alpha3).map(|country| country.alpha2), Some(alpha2));
        }
        assert_eq!(Country::find("uk").map(|country| country.alpha3), Some("GBR"));
    }
}
