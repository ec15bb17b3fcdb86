"""What the columns of a person are called, in the languages that platforms speak.

Compared without case and spaces; the first of each list is what a mistake names.
"""

from __future__ import annotations

import unicodedata

FIRST = (
    "First name", "Firstname", "Given name",
    "이름", "Vorname", "Prénom", "Nombre", "名", "名字",
)  # fmt: skip
LAST = (
    "Last name", "Lastname", "Surname", "Family name",
    "성", "Nachname", "Nom", "Nom de famille", "Apellido(s)", "Apellidos", "Apellido", "姓", "姓氏",
)  # fmt: skip
FULL = (
    "Full name", "Fullname", "User full name",
    "성명", "Vollständiger Name", "Nom complet", "Nombre completo", "氏名", "フルネーム", "姓名", "全名",
)  # fmt: skip
NUMBER = (
    "ID number", "idnumber", "학번", "개인번호", "ID 번호",
    "ID-Nummer", "Matrikelnummer", "Numéro d'identification", "Numéro d'étudiant",
    "Número de ID", "Número de identificación",
    "IDナンバー", "ID番号", "学籍番号", "学号", "ID号", "ID 号", "編號", "學號", "ID 號碼",
)  # fmt: skip
LOGIN = (
    "Username", "사용자 아이디", "아이디", "사용자명",
    "Anmeldename", "Nom d'utilisateur", "Nombre de usuario",
    "ユーザ名", "ユーザー名", "用户名", "使用者名稱", "帳號",
)  # fmt: skip
EMAIL = (
    "Email address", "Email", "E-mail", "이메일 주소", "이메일", "전자우편", "메일",
    "E-Mail-Adresse", "E-Mail", "Adresse de courriel", "Adresse e-mail", "Courriel",
    "Dirección de correo", "Dirección de correo electrónico", "Correo electrónico", "Dirección Email",
    "メールアドレス", "电子邮件地址", "电子邮件", "邮箱", "Email地址", "電子郵件信箱", "電子郵件",
)  # fmt: skip
GROUPS = (
    "Groups", "Group", "모둠", "그룹", "Gruppen", "Gruppe", "Groupes", "Groupe", "Grupos", "Grupo",
    "グループ", "小组", "组", "群組",
)  # fmt: skip
DEPARTMENT = (
    "Department", "학과", "Abteilung", "Département", "Departamento", "部署", "所属", "系别", "院系", "系所",
)  # fmt: skip


def plain(header: str) -> str:
    """Return a header as it is compared: without case, and without what only sets it apart.

    >>> plain(" Email  Address ") == plain("EMAIL ADDRESS"), plain("성  명") == plain("성명")
    (True, True)
    """
    return "".join(unicodedata.normalize("NFKC", header).casefold().split())
