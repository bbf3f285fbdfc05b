//! The names that servers and mail clients give to special-use folders, in some forty languages.

use super::SpecialUse;

/// Well-known names of each special use; of several that exist in one account the first here counts.
///
/// A name stands here once, in one use: where a language shares it with another it is under the first. They are
/// compared after [`fold`].
#[rustfmt::skip]
pub(super) const NAMES: &[(SpecialUse, &[&str])] = &[
    (SpecialUse::All, &[
        "All Mail", "All Messages", "All",
        "Alle Nachrichten", "Tous les messages", "Todos", "Tutti i messaggi", "Tutta la posta", "Todos os e-mails",
        "Todo o correio", "Alle berichten", "Alla mail", "Alle mails", "All e-post", "Kaikki viestit", "Wszystkie",
        "Všechny zprávy", "Všetky správy", "Összes levél", "Toate mesajele", "Всички", "Все", "Вся почта", "Уся пошта",
        "Όλα τα μηνύματα", "Tüm Postalar", "כל הדואר", "كل البريد", "所有邮件", "所有郵件", "全部郵件", "すべてのメール",
        "전체보관함", "Tất cả thư", "จดหมายทั้งหมด", "Semua Email", "Semua Mel", "Tots els missatges", "Sva pošta",
        "Сва пошта", "Vsa pošta", "Visi laiškai", "Visas vēstules", "Kõik kirjad",
    ]),
    (SpecialUse::Archive, &[
        "Archive", "Archives", "Archived",
        "Archiv", "Archivo", "Archivio", "Arquivo", "Arquivo Morto", "Archief", "Arkiv", "Arkisto", "Archiwum",
        "Archívum", "Arhivă", "Архив", "Архів", "Αρχείο", "Arşiv", "ארכיון", "الأرشيف", "أرشيف", "بایگانی",
        "存档", "归档", "封存", "アーカイブ", "아카이브", "보관", "Lưu trữ", "ที่เก็บถาวร", "Arsip", "Arkib", "Arxiu",
        "Artxiboa", "Arhiv", "Архива", "Archyvas", "Arhīvs", "Arhiiv",
    ]),
    (SpecialUse::Drafts, &[
        "Drafts", "Draft",
        "Entwürfe", "Brouillons", "Borradores", "Bozze", "Rascunhos", "Concepten", "Utkast", "Kladder", "Luonnokset",
        "Szkice", "Kopie robocze", "Wersje robocze", "Koncepty", "Rozepsané", "Rozpísané", "Piszkozatok", "Ciorne",
        "Schițe", "Чернови", "Черновики", "Чернетки", "Πρόχειρα", "Taslaklar", "טיוטות", "المسودات", "مسودات",
        "پیش‌نویس‌ها", "草稿", "草稿箱", "草稿匣", "下書き", "임시 보관함", "임시보관함", "Thư nháp", "Bản nháp",
        "ร่างจดหมาย", "แบบร่าง", "Draf", "Konsep", "Esborranys", "Zirriborroak", "Skice", "Nacrti", "Нацрти", "Osnutki",
        "Juodraščiai", "Melnraksti", "Mustandid", "Drög", "Dréachtaí",
    ]),
    (SpecialUse::Flagged, &[
        "Flagged", "Starred",
        "Markiert", "Suivis", "Destacados", "Speciali", "Com estrela", "Met ster", "Stjärnmärkt", "Stjernemarkeret",
        "Med stjerne", "Tähdelliset", "Oznaczone gwiazdką", "S hvězdičkou", "S hviezdičkou", "Csillagozott", "Cu stea",
        "Със звезда", "Помеченные", "Із зірочкою", "Με αστέρι", "Yıldızlı", "מסומן בכוכב", "مميّزة بنجمة", "已加星标",
        "已加星號", "スター付き", "별표편지함", "Có gắn dấu sao", "ติดดาว", "Berbintang", "Destacats", "Sa zvjezdicom",
        "Са звездицом", "Z zvezdico", "Su žvaigždute", "Ar zvaigznīti", "Tärniga",
    ]),
    (SpecialUse::Junk, &[
        "Junk", "Spam", "Junk E-Mail", "Junk Email", "Junk Mail", "Junk-E-Mail", "Bulk Mail", "Bulk",
        "Spamverdacht", "Indésirables", "Courrier indésirable", "Pourriel", "Correo no deseado", "Correo basura",
        "No deseado", "Posta indesiderata", "Indesiderata", "Lixo Eletrônico", "Lixo Electrónico", "Ongewenst",
        "Ongewenste e-mail", "Ongewenste berichten", "Ongewenste reclame", "Skräppost", "Uønsket mail", "Uønsket post",
        "Uønsket e-mail", "Uønsket e-post", "Søppelpost", "Roskaposti", "Potwierdzony spam", "Wiadomości-śmieci",
        "Niechciane", "Nevyžádaná pošta", "Nevyžiadaná pošta", "Levélszemét", "Mesaje nedorite", "E-mail nedorit",
        "Нежелана поща", "Спам", "Нежелательная почта", "Небажана пошта", "Ανεπιθύμητα", "Ανεπιθύμητη αλληλογραφία",
        "Önemsiz", "Önemsiz E-posta", "Gereksiz", "דואר זבל", "ספאם", "البريد العشوائي", "البريد غير الهام", "هرزنامه",
        "垃圾邮件", "垃圾郵件", "垃圾箱", "迷惑メール", "스팸", "스팸편지함", "스팸 메일함", "스팸메일함", "정크 메일",
        "Thư rác", "สแปม", "อีเมลขยะ", "จดหมายขยะ", "Email Sampah", "E-mel Remeh", "Correu brossa", "Zabor-posta",
        "Neželjena pošta", "Нежељена пошта", "Neželena pošta", "Vsiljena pošta", "Brukalas", "Mēstules",
        "Surogātpasts", "Rämpspost",
    ]),
    (SpecialUse::Sent, &[
        "Sent", "Sent Messages", "Sent Items", "Sent Mail", "Sent-Mail",
        "Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Envoyés", "Envoyé",
        "Éléments envoyés", "Objets envoyés", "Messages envoyés", "Courrier envoyé", "Enviados", "Elementos enviados",
        "Mensajes enviados", "Correo enviado", "Posta inviata", "Inviati", "Inviata", "Itens enviados", "Enviadas",
        "Mensagens enviadas", "E-mails enviados", "Verzonden", "Verzonden items", "Verzonden berichten", "Skickat",
        "Skickade", "Skickade objekt", "Skickade meddelanden", "Sendt", "Sendt post", "Sendte elementer",
        "Sendte objekter", "Lähetetyt", "Lähetetyt kohteet", "Wysłane", "Elementy wysłane", "Wysłane wiadomości",
        "Odeslané", "Odeslaná pošta", "Odeslané zprávy", "Odoslané", "Odoslaná pošta", "Odoslané položky", "Elküldött",
        "Elküldött elemek", "Elküldött üzenetek", "Trimise", "Elemente trimise", "Mesaje trimise", "Изпратени",
        "Изпратени елементи", "Отправленные", "Надіслані", "Відправлені", "Απεσταλμένα", "Gönderilmiş",
        "Gönderilenler", "Gönderilmiş Öğeler", "Gönderilmiş Postalar", "נשלח", "פריטים שנשלחו", "المرسل",
        "العناصر المرسلة", "البريد المرسل", "فرستاده‌شده", "已发送", "已发送邮件", "已发邮件", "寄件備份", "已傳送",
        "已傳送的郵件", "送信済み", "送信済みアイテム", "送信済みメール", "送信済みトレイ", "보낸 편지함", "보낸편지함",
        "보낸 메일함", "보낸메일함", "Đã gửi", "Thư đã gửi", "ส่งแล้ว", "จดหมายที่ส่งแล้ว", "รายการที่ถูกส่ง", "Terkirim",
        "Pesan Terkirim", "Item Terkirim", "Dihantar", "Enviats", "Elements enviats", "Bidalita", "Bidaliak", "Poslano",
        "Poslane stavke", "Послато", "Poslani elementi", "Išsiųsta", "Išsiųsti", "Nosūtītās", "Nosūtītie",
        "Nosūtītie vienumi", "Saadetud", "Saadetud kirjad", "Saadetud üksused",
    ]),
    (SpecialUse::Trash, &[
        "Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin",
        "Papierkorb", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöschte Nachrichten", "Gelöscht", "Corbeille",
        "Éléments supprimés", "Messages supprimés", "Papelera", "Elementos eliminados", "Eliminados", "Cestino",
        "Posta eliminata", "Eliminati", "Lixeira", "Lixo", "Itens excluídos", "Itens eliminados", "Prullenbak",
        "Prullenmand", "Verwijderde items", "Verwijderde berichten", "Papperskorgen", "Papperskorg", "Borttaget",
        "Borttagna objekt", "Papirkurv", "Slettet post", "Slettede elementer", "Slettede objekter", "Roskakori",
        "Poistetut", "Poistetut kohteet", "Kosz", "Elementy usunięte", "Usunięte", "Koš", "Odstraněná pošta",
        "Odstraněné", "Smazané", "Odstránené položky", "Kuka", "Lomtár", "Törölt elemek",
        "Coș de gunoi", "Elemente șterse", "Gunoi", "Кошче", "Изтрити", "Изтрити елементи", "Корзина", "Удаленные",
        "Кошик", "Видалені", "Смітник", "Κάδος απορριμμάτων", "Διαγραμμένα", "Διεγραμμένα", "Çöp kutusu",
        "Silinmiş Öğeler", "Çöp", "אשפה", "פריטים שנמחקו", "المهملات", "العناصر المحذوفة", "سلة المهملات", "زباله‌دان",
        "已删除", "已删除邮件", "废件箱", "回收站", "垃圾桶", "刪除的郵件", "已刪除的郵件", "ごみ箱", "ゴミ箱",
        "削除済みアイテム", "削除済み", "휴지통", "지운 편지함", "지운편지함", "Thùng rác", "Thư đã xóa", "ถังขยะ",
        "รายการที่ถูกลบ", "Sampah", "Tong Sampah", "Item Terhapus", "Item Dipadam", "Paperera", "Elements suprimits",
        "Zakarrontzia", "Smeće", "Izbrisane stavke", "Otpad", "Смеће", "Отпад", "Smeti", "Izbrisano", "Šiukšliadėžė",
        "Šiukšlinė", "Ištrinti", "Miskaste", "Atkritne", "Dzēstie vienumi", "Prügikast", "Prügi", "Kustutatud üksused",
    ]),
];

/// A name made comparable: lower case, and without diacritics, so that composed, decomposed (as macOS writes them) and
/// left-out accents are one.
pub(super) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).map(base).collect()
}

/// Marks that a decomposed letter carries, those of kana included.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{3099}' | '\u{309A}')
}

/// The letter without its diacritic, for the letters that [`NAMES`] uses.
fn base(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' | 'ẽ' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' => 'i',
        'ķ' => 'k',
        'ĺ' | 'ľ' | 'ļ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ō' | 'ő' | 'ơ' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' | 'ư' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' => 'υ',
        'ώ' => 'ω',
        'й' => 'и',
        'ё' => 'е',
        'ї' => 'і',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::name::MailboxName;
    use std::collections::HashMap;

    #[test]
    fn each_name_once() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        let mut twice = Vec::new();
        for (_, names) in NAMES {
            for name in *names {
                if let Some(other) = seen.insert(fold(name), name) {
                    twice.push(format!("{name} and {other}"));
                }
                assert_eq!(name.trim(), *name);
                assert!(!name.contains(['/', '.', '\\']), "{name} holds a separator");
            }
        }
        assert!(twice.is_empty(), "the same: {twice:?}");
        assert!(seen.len() > 300);
        let uses: Vec<SpecialUse> = NAMES.iter().map(|(special_use, _)| *special_use).collect();
        assert!(uses.is_sorted());
        assert_eq!(uses.len(), SpecialUse::EVERY.len() - 1, "all but \\Important");
    }

    #[test]
    fn each_name_survives_the_wire() {
        for name in NAMES.iter().flat_map(|(_, names)| *names) {
            let wire = MailboxName::from_text(name);
            assert!(wire.as_wire().is_ascii());
            assert_eq!(wire.decode().as_deref(), Some(*name));
        }
    }

    #[test]
    fn thirty_languages_for_each_use() {
        for (special_use, names) in NAMES {
            assert!(names.len() >= 30, "{special_use:?} has {}", names.len());
        }
    }

    /// The names that the Perl imapsync 2.229 knows.
    #[test]
    fn those_of_the_original() {
        for (expected, names) in [
            (SpecialUse::All, "All|All Messages|Все"),
            (SpecialUse::Archive, "Archive|Archives|Архив"),
            (SpecialUse::Drafts, "Drafts|DRAFTS|Черновики|Szkice|Wersje robocze"),
            (SpecialUse::Flagged, "Flagged|Starred|Помеченные"),
            (
                SpecialUse::Junk,
                "Junk|junk|Spam|SPAM|Спам|Potwierdzony spam|Wiadomości-śmieci|Junk E-Mail|Junk Email",
            ),
            (
                SpecialUse::Sent,
                "Sent|Sent Messages|Sent Items|Gesendete Elemente|Gesendete Objekte|Éléments envoyés|\
                 E\u{301}le\u{301}ments envoye\u{301}s|Envoyé|Objets envoyés|Elementos enviados|Posta inviata|\
                 送信済みアイテム|Отправленные|Elementy wysłane",
            ),
            (SpecialUse::Trash, "Trash|TRASH|Удаленные|Корзина|Kosz|Deleted Items|Deleted Messages"),
        ] {
            for name in names.split('|') {
                let found =
                    NAMES.iter().find(|(_, names)| names.iter().any(|known| fold(known) == fold(name)));
                assert_eq!(found.map(|(special_use, _)| *special_use), Some(expected), "{name}");
            }
        }
    }

    #[test]
    fn folding() {
        for (a, b) in [
            ("Éléments envoyés", "E\u{301}le\u{301}ments envoye\u{301}s"),
            ("SENT", "Sent"),
            ("Отправленные", "ОТПРАВЛЕННЫЕ"),
            ("Удалённые", "Удаленные"),
            ("Entwu\u{308}rfe", "Entwürfe"),
            ("Gelöscht", "gelöscht"),
        ] {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("Sent"), fold("Senf"));
    }
}
