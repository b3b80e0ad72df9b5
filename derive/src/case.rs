//! How the names of fields become names of columns.

/// A way to write a name of several words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// Every way with its name, which is written that way itself.
    pub(crate) const ALL: [(&'static str, Case); 8] = [
        ("lowercase", Case::Lower),
        ("UPPERCASE", Case::Upper),
        ("PascalCase", Case::Pascal),
        ("camelCase", Case::Camel),
        ("snake_case", Case::Snake),
        ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
        ("kebab-case", Case::Kebab),
        ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
    ];

    pub(crate) fn of_name(name: &str) -> Option<Case> {
        Case::ALL.iter().find(|(known, _)| *known == name).map(|&(_, case)| case)
    }

    /// The name of a field, which by Rust's convention is in snake case.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            // As `serde` has it: these two leave the underscores where they are.
            Case::Lower | Case::Snake => field.to_lowercase(),
            Case::Upper | Case::ScreamingSnake => field.to_uppercase(),
            Case::Kebab => field.to_lowercase().replace('_', "-"),
            Case::ScreamingKebab => field.to_uppercase().replace('_', "-"),
            Case::Pascal => field.split('_').map(capitalized).collect(),
            Case::Camel => {
                let mut words = field.split('_').filter(|word| !word.is_empty());
                let first = words.next().unwrap_or_default().to_lowercase();
                first + &words.map(capitalized).collect::<String>()
            }
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        let of = |field: &str| Case::ALL.map(|(_, case)| case.apply(field));
        assert_eq!(
            of("first_name"),
            [
                "first_name",
                "FIRST_NAME",
                "FirstName",
                "firstName",
                "first_name",
                "FIRST_NAME",
                "first-name",
                "FIRST-NAME"
            ]
        );
        assert_eq!(of("id"), ["id", "ID", "Id", "id", "id", "ID", "id", "ID"]);
        assert_eq!(Case::Camel.apply("_x1_2"), "x12");
        assert_eq!(Case::Pascal.apply("größe_in_cm"), "GrößeInCm");
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(Case::of_name("camelCase"), Some(Case::Camel));
        assert_eq!(Case::of_name("CamelCase"), None);
    }
}
