delete from answer;

delete from answer_clearing;
