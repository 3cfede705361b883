"""Common words of languages that share a script: what tells them apart where a text is very short.

A word that several languages have counts for each of them. Only words that prompts begin with or
are held together by, and greetings; no word of any field.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

BY_LANGUAGE = {
    "en": """hello hi hey thanks thank please sorry yes good morning evening night bye welcome
        help the a an of to in on for from with without by at and or but if not no is are was
        were be am been do does did can could should would will have has had what how why who
        when where which whose i you he she it we they me my your our their this that these
        those there about into than then give tell show write make explain translate describe
        compare find list mean means meaning s m re ll don isn doesn""",
    "es": """hola gracias buenos buenas días tardes noches adiós perdón ayuda ayúdame amigo sí
        el la los las un una unos de del al a en con sin por para y o pero si no es son está
        están ser hay qué cómo quién cuál cuándo dónde cuánto cuánta cuántos que como yo tú
        usted él ella me te se mi tu su lo le esto esta este eso más muy dame dime escribe
        explica traduce puedo puede puedes debo tengo tiene favor significa dice""",
    "fr": """bonjour bonsoir salut merci coucou adieu oui pardon aide aidez aider bonne le la
        les l un une des de du d à au aux en dans avec sans pour par sur et ou mais si ne pas
        non est sont être a ai as ont y qui que quoi quel quelle quels quelles comment pourquoi
        quand où combien je tu il elle on nous vous ils me te se moi toi mon ma mes ton ta votre
        vos notre ce cet cette ces plus très donne donnez dis écris explique traduis peux peut
        dois faut c j qu plaît dire dit signifie veut es suis sommes avez avons""",
    "de": """hallo danke bitte guten gute tag morgen abend nacht tschüss ja nein entschuldigung
        hilf hilfe der die das den dem des ein eine einen einem einer eines von zu zum zur in im
        an am auf aus bei mit ohne für nach und oder aber wenn nicht kein keine ist sind war
        sein bin hast hat haben wird werden kann kannst können darf soll muss was wie warum wer
        wen wann wo welche welcher welches wieviel viel ich du er sie es wir ihr mir mich dir
        dich mein meine meinen dein ihre dieser diese dieses gib sag schreibe schreib erkläre
        übersetze nenne heißt bedeutet""",
    "it": """ciao grazie buongiorno buonasera buonanotte prego scusa sì aiuto aiutami il lo la i
        gli le un uno una di del della dei delle da dal in nel nella con senza per su e o ma se
        non no è sono sei sta essere c che chi cosa come perché quando dove quale quali quanto
        quanta quanti io tu lui lei noi voi mi ti si mio mia tuo questo questa quello più molto
        dammi dimmi scrivi spiega traduci posso può devo ho ha hai significa dice""",
    "pt": """olá oi obrigado obrigada bom boa dia tarde noite adeus desculpe ajuda ajude sim o a
        os as um uma de do da dos das em no na nos nas com sem por para e ou mas se não é são
        está estão ser há que quem qual quais quando onde como porque quanto quanta quantos eu
        você ele ela nós me te meu minha seu sua isto isso este esta esse mais muito dê diga
        escreva explique traduza posso pode devo tenho tem foi ao à significa diz""",
    "nl": """hallo hoi dank bedankt goedemorgen goedenavond dag alstublieft alsjeblieft ja nee
        sorry de het een van te in op aan uit bij met zonder voor naar en of maar als niet geen
        is zijn was ben heb heeft hebben wordt worden kan kun kunnen mag moet zal wat hoe waarom
        wie wanneer waar welke welk hoeveel ik jij je hij zij ze wij we u mij mijn jouw uw dit
        dat deze die er meer geef vertel schrijf""",
    "sv": """hej tack snälla god morgon kväll ja nej förlåt hjälp hjälpa en ett den det de av
        till i på med utan för från och eller men om inte är var vara har hade kan kunde ska
        skulle måste vad hur varför vem när vilken vilket vilka jag du han hon vi ni mig dig min
        mitt din detta denna mycket ge berätta skriv""",
    "da": """hej tak venligst god morgen aften ja nej undskyld hjælp en et den det de af til i
        på med uden for fra og eller men om ikke er var være har havde kan kunne skal skulle må
        hvad hvordan hvorfor hvem hvornår hvor hvilken hvilket hvilke jeg du han hun vi mig dig
        min mit din dette denne meget giv fortæl skriv""",
    "no": """hei takk vennligst god morgen kveld ja nei unnskyld hjelp en et ei den det de av
        til i på med uten for fra og eller men om ikke er var være har hadde kan kunne skal
        skulle må hva hvordan hvorfor hvem når hvor hvilken hvilket hvilke jeg du han hun vi meg
        deg min mitt din dette denne mye gi fortell skriv""",
    "pl": """cześć dziękuję dzień dobry dobranoc proszę tak nie przepraszam pomóż pomoc w we z
        ze na do od po o dla przez przy bez i oraz lub albo ale jeśli jest są był była być mam
        ma może można czy co jak dlaczego kto kiedy gdzie jaki jaka jakie który ile ja ty on ona
        my mnie mi się mój moja ten ta to tym bardzo napisz podaj powiedz""",
    "cs": """ahoj děkuji díky prosím dobrý den ano ne promiňte pomoc v ve z ze na do od po o
        přes bez a nebo ale jestli je jsou byl byla být mám má může co jak proč kdo kdy kde jaký
        jaká jaké který kolik já ty on ona my mi se můj moje ten ta to velmi napiš řekni""",
    "ro": """bună mulțumesc salut da nu scuze ajutor ziua un o unei de la în pe cu fără pentru
        din și sau dar dacă este e sunt era fi are am poate pot ce cum cine când unde care cât
        câți eu tu el ea noi mă îmi mea meu acest această mai foarte scrie spune trebuie""",
    "tr": """merhaba selam teşekkürler teşekkür ederim lütfen evet hayır günaydın iyi geceler
        yardım bir ve veya ile için de da ama değil mi mı mu mü ne nasıl neden niçin kim nerede
        hangi kaç ben sen o biz siz bana benim bu şu çok daha var yok yaz söyle ver""",
    "id": """halo terima kasih tolong selamat pagi malam ya tidak maaf bantu bantuan yang di ke
        dari dan atau tetapi jika untuk dengan tanpa pada adalah ini itu apa apakah bagaimana
        mengapa siapa kapan mana berapa saya aku kamu anda dia kami kita bisa harus akan ada
        sebuah tentang buat tulis beri jelaskan""",
    "vi": """chào cảm ơn xin vui lòng vâng không giúp là của và hoặc nhưng nếu cho với trong từ
        đến có được một những các này đó gì nào sao thế ai khi đâu bao nhiêu tôi bạn anh chị hãy
        viết""",
    "ru": """привет здравствуйте спасибо пожалуйста доброе добрый утро день вечер ночи пока да
        нет помоги помогите и в во на с со к у о об от до из за по для без или но если не это
        есть был была быть что как почему кто когда где какой какая какие который сколько чем я
        ты он она мы вы мне меня мой моя мои твой этот эта эти очень можно ли напиши дай скажи
        объясни слово""",
    "uk": """привіт вітаю дякую будь ласка добрий доброго ранку день вечір так ні допоможи і й
        та в у на з із зі до від о про за по для без або але якщо не це є був була бути що як
        чому хто коли де який яка які скільки чим я ти він вона ми ви мені мене мій моя цей ця
        ці дуже можна чи напиши дай скажи поясни розкажи""",
    "bg": """здравей здравейте благодаря моля добро добър утро ден вечер да не помогни и в във
        на с със към от до из за по без или но ако е са беше бъда съм сте това какво как защо
        кой коя кое кои кога къде колко аз ти той тя ние вие ми ме се си мой моя моето ли ще
        този тази тези много може напиши дай кажи обясни разкажи""",
    "mk": """здраво благодарам ве молам добро утро ден да не помош и во на со кон од до за по
        без или но ако е се беше што како зошто кој која кое кога каде колку јас ти тој таа ние
        вие ми ме мој моја овој оваа многу може напиши дај кажи""",
    "sr": """здраво хвала молим добро јутро дан да не помоћ и у на са ка од до из за по без или
        али ако је су био била бити шта како зашто ко који која које када где колико ја ти он
        она ми ви мене моје мој моја овај ова врло може напиши дај реци""",
    "hi": """नमस्ते धन्यवाद कृपया हाँ नहीं का की के को में से पर और या है हैं था थी हो क्या कैसे
        क्यों कौन कब कहाँ कितना मैं मुझे मेरा मेरी आप यह वह इस एक लिए करें बताओ""",
    "mr": """नमस्कार धन्यवाद कृपया होय नाही आणि किंवा आहे आहेत होता होती काय कसे का कोण कधी कुठे
        किती मी मला माझा माझी तू तुम्ही हा ही हे ते एक साठी करा सांगा""",
    "ne": """नमस्ते धन्यवाद कृपया हो होइन र वा छ छन् थियो मा को का की लाई बाट के कसरी किन कहिले
        कहाँ कति म मलाई मेरो तिमी तपाईं यो त्यो एक लागि गर्नुहोस्""",
    "ar": """مرحبا أهلا السلام عليكم شكرا جزيلا صباح مساء الخير من فضلك نعم لا عفوا ساعدني في
        إلى على عن مع بدون و أو لكن إذا لم لن ليس هو هي هذا هذه ذلك ما ماذا كيف لماذا متى أين كم
        هل أي أنا أنت نحن لي الذي التي كان يكون أن أعطني اكتب اشرح ترجم""",
    "fa": """سلام درود ممنون مرسی متشکرم لطفا بله خیر نه صبح بخیر کمک در به از با بدون برای و یا
        اما اگر است هست نیست بود شد می که این آن چه چی چگونه چطور چرا کی کجا کدام چند آیا من تو
        او ما شما را بنویس بگو توضیح بده کن""",
    "ur": """السلام شکریہ مہربانی جی ہاں نہیں میں سے کو کا کی کے پر تک اور یا لیکن اگر ہے ہیں
        تھا تھی ہو گا یہ وہ کیا کیسے کیوں کون کب کہاں کتنا کتنی آپ ہم مجھے میرا میری ایک لکھو
        بتاؤ دو""",
    "fi": """hei moi terve kiitos ole hyvä huomenta päivää kyllä ei anteeksi apua ja tai mutta
        jos että on ovat oli olla mikä mitä miten miksi kuka milloin missä kuinka paljon minä
        sinä hän me te he minun sinun tämä se voiko voinko pitää saa kirjoita kerro anna selitä""",
    "sk": """ahoj ďakujem prosím dobrý deň áno nie prepáčte pomoc v vo z zo na do od po o pre
        cez bez a alebo ale ak že je sú bol byť mám má môže môžem čo ako prečo kto kedy kde aký
        aká aké ktorý koľko ja ty on ona my mi ma sa môj moja ten tá to veľmi napíš povedz""",
    "hu": """szia helló köszönöm kérem jó reggelt napot estét igen nem bocsánat segítség a az
        egy és vagy de ha hogy van vannak volt lenni mi mit hogyan miért ki mikor hol mennyi
        hány melyik én te ő ti ők nekem enyém ez ezt azt lehet kell írj írd mondd adj magyarázd""",
    "hr": """bok zdravo hvala molim dobro jutro dan večer da ne oprosti pomoć u i na s sa iz od
        do za po o bez ili ali ako je su bio biti što kako zašto tko ko kada gdje koji koja koje
        koliko ja ti on ona mi vi mene me se moj moja ovaj ova to mogu može treba jako napiši
        reci objasni""",
    "sl": """živjo zdravo hvala prosim dobro jutro dan ja ne oprosti pomoč v in na s z iz od do
        za po o brez ali pa če je so bil biti kaj kako zakaj kdo kdaj kje kateri katera katero
        koliko jaz ti on ona mi vi me se moj moja ta to lahko moram zelo napiši povej razloži""",
    "et": """tere aitäh palun tänan hommikust jah ei vabandust abi ja või aga kui et on oli olla
        mis mida kuidas miks kes millal kus palju mina sina ma sa ta me te nad minu sinu see
        seda mul kas saab peab võib tuleb kirjuta räägi anna selgita""",
    "lv": """sveiki paldies lūdzu labrīt jā nē piedod palīdzība un vai bet ja ka ir bija būt kas
        ko kā kāpēc kurš kad kur cik kāds kāda es tu viņš mēs jūs man mans tas šis šo ar bez no
        uz par pēc var vajag ļoti raksti uzraksti pastāsti""",
    "lt": """labas ačiū prašau rytas diena taip ne atsiprašau pagalba ir arba bet jei kad yra
        buvo būti kas ką kaip kodėl kada kur kiek koks kokia kuris aš tu jis mes jūs man mano
        tas šis tai su be iš į apie po ar gali reikia labai parašyk papasakok""",
    "tl": """kumusta salamat paki magandang umaga gabi oo hindi po paumanhin tulong ang ng mga
        sa na at o pero kung ay may mayroon ano paano bakit sino kailan saan alin ilan gaano ako
        ikaw siya kami tayo kayo sila ko mo aking ito iyon dapat maaari para isulat""",
    "sw": """habari jambo asante tafadhali ndiyo hapana samahani msaada na ya wa kwa la za cha
        ni katika au lakini kama je nini vipi kwanini nani lini wapi gani ngapi mimi wewe yeye
        sisi yangu yako hii hiyo huu ana nina kuna lazima sana andika niambie""",
    "ca": """gràcies si us plau bon dia bona nit adéu ajuda el la els les un una uns de del d al
        a en amb sense per i o però no és són està ser ha què com qui quin quina quan on quant
        quanta jo tu ell ella em et es meu meva això aquest aquesta més molt escriu explica
        digues puc pot he tinc""",
    "sq": """përshëndetje tungjatjeta faleminderit lutem mirëmëngjes po jo më falni ndihmë dhe
        ose por nëse që është janë ishte jam çfarë si pse kush kur ku sa cili cila unë ti ai ajo
        ne ju im ime ky kjo në me pa për nga të mund duhet shumë shkruaj""",
    "is": """halló hæ takk góðan daginn já nei fyrirgefðu hjálp og eða en ef að er eru var vera
        hvað hvernig hvers vegna hver hvenær hvar hversu hve ég þú hann hún við þið þeir mér
        minn mín þetta þessi það í á um með án fyrir frá til ekki má get getur skrifaðu""",
    "eu": """kaixo eskerrik asko mesedez egun on bai ez barkatu laguntza eta edo baina bada da
        dira zen zer nola zergatik nor noiz non zenbat zein ni zu hura gu nire zure hau hori bat
        behar dut du dezaket dago oso idatzi azaldu""",
    "be": """прывітанне вітаю дзякуй калі ласка добры дзень раніцы так не дапамажы і й ў у на з
        са да ад за па для без або але гэта ёсць быў быць што як чаму хто дзе які якая колькі
        чым я ты ён яна мы вы мне мяне мой мая гэты гэтая вельмі можна ці трэба напішы скажы""",
    "kk": """сәлем рахмет өтінемін қайырлы таң күн иә жоқ кешіріңіз көмек және немесе бірақ егер
        бар болды не қалай неге кім қашан қайда қанша қандай мен сен ол біз сіз менің бұл осы
        керек туралы үшін өте жаз айт""",
    "mn": """сайн байна уу баярлалаа уучлаарай тийм үгүй тусламж ба болон эсвэл гэхдээ хэрэв нь
        юу яаж яагаад хэн хэзээ хаана хэд ямар би чи тэр бид та миний энэ вэ бэ хэр маш бич хэл
        болох хэрэгтэй""",
    "ps": """سلام مننه مهرباني هو نه بښنه مرسته او یا خو که چې دی ده دي وو څه څنګه ولې څوک کله
        چیرته څومره کوم زه ته هغه موږ تاسو زما دا په د له باید شي ولیکه""",
    "ckb": """سڵاو سوپاس تکایە بەیانی باش بەڵێ نەخێر ببوورە یارمەتی و یان بەڵام ئەگەر کە لە بۆ
        بە بێ چی چۆن بۆچی کێ کەی لەکوێ چەند کام من تۆ ئەو ئێمە ئێوە ئەم ئەمە دەبێت دەتوانم زۆر
        بنووسە""",
}


def _languages_of() -> dict[str, tuple[str, ...]]:
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in BY_LANGUAGE.items():
        for word in dict.fromkeys(words.split()):
            languages[word] = (*languages.get(word, ()), language)
    return languages


_JOINTS = re.compile("['’-]")

# The languages that have a word, by the word in lower case.
_LANGUAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(_languages_of())


def split(words: Iterable[str]) -> list[str]:
    """Words without the apostrophes and hyphens that join them."""
    return [part for word in words for part in _JOINTS.split(word) if part]


def common_words(words: Iterable[str], but: Collection[str] = ()) -> dict[str, int]:
    """How many of `words`, in lower case, are common words of a language, by language."""
    found: dict[str, int] = {}
    for word in words:
        for language in _LANGUAGES.get(word, ()):
            if word not in but:
                found[language] = found.get(language, 0) + 1
    return found
