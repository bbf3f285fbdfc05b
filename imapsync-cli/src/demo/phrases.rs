//! What made-up mail consists of: people, subjects and sentences in several languages.

/// The people and words of one language.
#[derive(Debug)]
pub(super) struct Language {
    /// Names and addresses.
    pub(super) people: &'static [(&'static str, &'static str)],
    /// What stands before the subject of an answer.
    pub(super) reply: &'static str,
    /// Subjects.
    pub(super) subjects: &'static [&'static str],
    /// Sentences of a text.
    pub(super) sentences: &'static [&'static str],
}

/// Whose mailbox it is.
pub(super) const OWNER: (&str, &str) = ("Alice Exemple", "alice@old.example");

/// Every language. The first is that of mailing lists.
pub(super) const LANGUAGES: &[Language] = &[
    Language {
        people: &[
            ("Grace Hollis", "grace.hollis@example.org"),
            ("Tom Barrow", "tom@barrow.example"),
            ("Priya Raman", "priya.raman@example.com"),
            ("Service Desk", "service-desk@example.net"),
            ("O'Neill, Sean", "sean.oneill@example.com"),
        ],
        reply: "Re: ",
        subjects: &[
            "Minutes of Tuesday's meeting",
            "Your booking is confirmed",
            "Draft contract, second version",
            "Server maintenance on Sunday night",
            "Photos from the summer party",
            "Question about the invoice",
            "Lunch?",
            "Password will expire in 14 days",
            "[announce] Release 4.2 is out",
            "Build failed on the main branch",
        ],
        sentences: &[
            "Thank you for your quick answer.",
            "I have attached the current version; please look at the second page.",
            "Could we move this to Thursday morning instead?",
            "The figures still differ from what we had in spring.",
            "Nothing has to be done on your side.",
            "Let me know if you would rather have it on paper.",
            "I will be away until the end of next week.",
            "As far as I can see this was fixed long ago.",
        ],
    },
    Language {
        people: &[
            ("Jürgen Köhler", "j.koehler@example.de.example"),
            ("Dr. Anneliese Groß", "gross@praxis.example"),
            ("Buchhaltung", "buchhaltung@example.org"),
        ],
        reply: "AW: ",
        subjects: &[
            "Rechnung für März",
            "Angebot Brücke Süd, überarbeitet",
            "Termin am Dienstag verschoben",
            "Grüße aus dem Urlaub",
            "Fällige Prüfung der Anlage",
            "Einladung zur Mitgliederversammlung",
        ],
        sentences: &[
            "vielen Dank für die schnelle Rückmeldung.",
            "Die Unterlagen schicke ich Ihnen in den nächsten Tagen.",
            "Könnten wir das auf nächste Woche verschieben?",
            "Größe und Gewicht stehen im Anhang.",
            "Mit freundlichen Grüßen aus Köln",
        ],
    },
    Language {
        people: &[
            ("Élodie Lefèvre", "elodie@lefevre.example"),
            ("François Noël", "f.noel@example.com"),
            ("Mairie de Saint-Étienne", "accueil@mairie.example"),
        ],
        reply: "RE: ",
        subjects: &[
            "Compte rendu de la réunion",
            "Réservation confirmée : hôtel à Nîmes",
            "Ça marche pour vendredi ?",
            "Relevé de compte disponible",
            "Devis n° 2041 à signer",
        ],
        sentences: &[
            "Merci beaucoup pour votre réponse.",
            "Vous trouverez ci-joint le document demandé.",
            "Je serai absente jusqu'au début de la semaine prochaine.",
            "Où en est-on avec la dernière étape ?",
            "À très bientôt.",
        ],
    },
    Language {
        people: &[
            ("María Muñoz", "maria.munoz@example.es.example"),
            ("José Ángel Ibáñez", "jaibanez@example.org"),
        ],
        reply: "RE: ",
        subjects: &[
            "¿Comemos mañana?",
            "Presupuesto del año próximo",
            "Fotos de la excursión",
            "Aviso de envío",
        ],
        sentences: &[
            "Muchas gracias por la información.",
            "Mañana te envío la versión corregida.",
            "¿Puedes mirarlo antes del miércoles?",
            "Un saludo desde Logroño.",
        ],
    },
    Language {
        people: &[("Łukasz Wiśniewski", "lukasz@example.pl.example"), ("Zażółć Gęślą", "jazn@example.org")],
        reply: "Odp: ",
        subjects: &["Zamówienie nr 118 zostało wysłane", "Spotkanie w środę", "Życzenia świąteczne"],
        sentences: &[
            "Dziękuję za szybką odpowiedź.",
            "W załączniku przesyłam aktualną wersję.",
            "Proszę o potwierdzenie do piątku.",
        ],
    },
    Language {
        people: &[("Наталья Иванова", "n.ivanova@example.ru.example"), ("Отдел кадров", "kadry@example.org")],
        reply: "Re: ",
        subjects: &[
            "Встреча переносится на среду",
            "Договор на подпись",
            "Фотографии с дачи",
            "Счёт за июнь",
        ],
        sentences: &[
            "Спасибо за быстрый ответ.",
            "Документы отправлю на следующей неделе.",
            "Просьба подтвердить получение письма.",
            "С уважением, ваши коллеги",
        ],
    },
    Language {
        people: &[
            ("Ελένη Παπαδοπούλου", "eleni@example.gr.example"),
            ("Νίκος Γεωργίου", "nikos@example.org"),
        ],
        reply: "Απ: ",
        subjects: &["Πρόσκληση σε συνέδριο", "Η παραγγελία σας", "Καλές γιορτές!"],
        sentences: &["Ευχαριστώ για την απάντηση.", "Θα σας στείλω το αρχείο αύριο.", "Με εκτίμηση"],
    },
    Language {
        people: &[("山田 太郎", "taro.yamada@example.jp.example"), ("佐藤 花子", "hanako@example.org")],
        reply: "Re: ",
        subjects: &["次回の打ち合わせについて", "請求書をお送りします", "夏休みの写真", "ご予約の確認"],
        sentences: &[
            "お世話になっております。",
            "添付の資料をご確認ください。",
            "来週の水曜日はいかがでしょうか。",
            "よろしくお願いいたします。",
        ],
    },
    Language {
        people: &[("ليلى حداد", "layla@example.ae.example")],
        reply: "رد: ",
        subjects: &["موعد الاجتماع القادم", "تأكيد الحجز"],
        sentences: &["شكرا على الرد السريع.", "سأرسل الملف غدا إن شاء الله.", "مع أطيب التحيات"],
    },
    Language {
        people: &[("王小明", "xiaoming.wang@example.cn.example")],
        reply: "回复：",
        subjects: &["关于下周的会议", "发票已开具", "生日快乐！🎂"],
        sentences: &["谢谢您的回复。", "附件是最新的版本，请查收。", "祝工作顺利。"],
    },
];
